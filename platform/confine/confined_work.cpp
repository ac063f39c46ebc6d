// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/confine/confined_work.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/os/process.hpp"

namespace ploopu {
namespace {

// Limit of a child's address space in bytes. Memory that is shared with the parent counts as well:
// Disk::kMaxTableMemory is half of this.
constexpr rlim_t kMaxAddresses = rlim_t{1} << 30;

rlim_t seconds_of(WorkSize size) { return size == WorkSize::parsing ? 2 : 120; }

Result<void> limit_memory() {
  constexpr rlimit kAddresses = {kMaxAddresses, kMaxAddresses};
  if (kHasSanitizer || ::setrlimit(RLIMIT_AS, &kAddresses) == 0) return {};
  return fail_errno(errno, "setting limits");
}

}  // namespace

Result<const ParsingFilter*> parsing_filter() {
  static const auto kFilter = ParsingFilter::make(ParsingFilter::Kind::work);
  if (!kFilter) return tl::unexpected<Error>(kFilter.error());
  return &*kFilter;
}

int move_to_work_socket(int socket) { return ::dup2(socket, ParsingFilter::kWorkSocket); }

Result<void> limit_time(WorkSize size) {
  // The limit must end the process, even if the parent ignores or handles SIGXCPU.
  static_cast<void>(::signal(SIGXCPU, SIG_DFL));
  const rlim_t seconds = seconds_of(size);
  const rlimit time = {seconds, seconds + 1};
  return ::setrlimit(RLIMIT_CPU, &time) == 0 ? Result<void>() : fail_errno(errno, "setting limits");
}

void die_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != parent) ::_exit(1);
}

Result<void> confine(const WorkTask& task, int socket, pid_t parent) {
  auto kept = task.descriptors;
  kept.push_back(socket);
  PLOOPU_CHECK(close_all_but(std::move(kept)));
  for (const int standard : {0, 1, 2}) {
    if (!kHasSanitizer && standard != socket) ::close(standard);
  }
  PLOOPU_CHECK(drop_privileges());
  // A change of the user clears this setting, so it comes after drop_privileges()
  // (docs/KERNEL.md#sandboxes-seccomp-and-landlock).
  die_with(parent);
  return limit_memory();
}

Result<void> apply_filter(const ParsingFilter* filter) {
  return kHasSanitizer ? Result<void>() : filter->apply();
}

void answer_and_end(int socket, const std::function<Result<std::string>()>& work) {
  set_confinement(nullptr);  // this process is confined already: it parses by itself
  try {
    const auto result = work();
    send_frame(socket, result ? FrameKind::answer : FrameKind::failed,
               result ? *result : result.error().message);
  } catch (const std::bad_alloc&) {
    send_frame(socket, FrameKind::no_memory, "");
  } catch (const std::exception& error) {
    send_frame(socket, FrameKind::failed, error.what());
  }
  ::_exit(0);
}

Result<std::string> answer_of(const WorkTask& task, int status, std::optional<Frame> frame) {
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (signal == SIGXCPU) {
    return fail(ErrorKind::damaged, "{}: reading it took more than {} s of processor time: refused",
                task.what, seconds_of(task.size));
  }
  if (signal == SIGALRM) {
    return fail(ErrorKind::failed, "{}: reading it took more than {} s: try again", task.what,
                kSeriesSeconds);
  }
  // The kernel sends SIGKILL when the host has no memory left: that isn't the image's fault.
  if (signal == SIGKILL) {
    return fail(ErrorKind::failed, "{}: the process that reads it was killed: try again",
                task.what);
  }
  if (signal != 0) {
    return fail(ErrorKind::damaged,
                "{}: the process that reads it was ended by signal {} ({}): refused; this is a "
                "bug of ploopu: please report it",
                task.what, signal, ::strsignal(signal));
  }
  if (!frame) {
    return fail(ErrorKind::failed, "{}: the process that reads it: exited without a reply",
                task.what);
  }
  switch (frame->kind) {
    case FrameKind::answer:
      return std::move(frame->bytes);
    case FrameKind::no_memory:
      return fail(ErrorKind::failed, "{}: out of memory while reading it", task.what);
    case FrameKind::failed:
      return fail(ErrorKind::failed, "{}: the process that reads it: {}", task.what, frame->bytes);
    case FrameKind::request:
      break;
  }
  return fail(ErrorKind::damaged, "{}: the process that reads it: sent no valid reply: refused",
              task.what);
}

}  // namespace ploopu
