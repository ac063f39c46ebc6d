// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/confine/confined_series.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/confine/confined.hpp"
#include "platform/confine/confined_work.hpp"
#include "platform/confine/sandbox.hpp"
#include "platform/confine/work_channel.hpp"
#include "platform/os/descriptor_message.hpp"
#include "platform/os/retry.hpp"

namespace ploopu {
namespace {

// A child of the series uses this to finish its sandbox before it sees a byte of a stranger.
struct Readiness {
  pid_t series = 0;
  Result<ParsingFilter> filter;  // an error when the series could not be confined
};

// Does one piece of work, in a fork of the series. `socket` came with the order.
[[noreturn]] void do_one(const WorkTask& task, UniqueFd socket, int control, const Readiness& ready,
                         const SeriesWork& series) {
  const int number = move_to_work_socket(socket.get());
  if (number != socket.get()) socket.reset();
  ::close(control);
  // A parser that was taken over may wait for nothing, which takes no processor time.
  static_cast<void>(::signal(SIGALRM, SIG_DFL));
  ::alarm(kSeriesSeconds);
  answer_and_end(number, [&]() -> Result<std::string> {
    if (!ready.filter) return tl::unexpected<Error>(ready.filter.error());
    die_with(ready.series);
    PLOOPU_CHECK(limit_time(task.size));
    PLOOPU_CHECK(apply_filter(&*ready.filter));
    const auto argument = receive_handed(number);
    SocketOutside outside(number);
    return series.work(argument.bytes, outside);
  });
}

// Does the work once, before the forks: lookups of library functions and first allocations are then
// done, and their pages shared, for all children.
void rehearse(const SeriesWork& series) {
  const Serve nothing = [](const std::string& /*request*/) { return Handed(); };
  DirectOutside outside(nothing);
  static_cast<void>(series.work(series.rehearsal, outside));
  // Collects freed small blocks now. Otherwise each child does so when it frees its first large
  // block.
  ::malloc_trim(0);
}

Result<ParsingFilter> confine_series(int control, pid_t parent) {
  const WorkTask task{"containers", WorkSize::parsing, {}};
  PLOOPU_TRY(const auto own_filter, ParsingFilter::make(ParsingFilter::Kind::series));
  PLOOPU_TRY(auto filter, ParsingFilter::make(ParsingFilter::Kind::series_work));
  PLOOPU_CHECK(confine(task, control, parent));
  PLOOPU_CHECK(apply_filter(&own_filter));
  return filter;
}

// Parsers and their parent take turns, so a second processor gains nothing, and each move to one
// with cold caches costs time.
void stay_on(int processor) {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  CPU_SET(static_cast<size_t>(processor), &processors);
  static_cast<void>(::sched_setaffinity(0, sizeof processors, &processors));
}

// Returns a file in memory with the bytes of the program; not valid if the kernel refuses one.
UniqueFd program_file(std::span<const std::byte> program) {
  constexpr unsigned kExecutable = 0x10;  // older kernels than Linux 6.3 refuse it, and need none
  UniqueFd file(::memfd_create("ploopu-parser", MFD_CLOEXEC | kExecutable));
  if (!file.valid()) file.reset(::memfd_create("ploopu-parser", MFD_CLOEXEC));
  const auto size = static_cast<ssize_t>(program.size());
  if (file.valid() && ::write(file.get(), program.data(), program.size()) != size) file.reset();
  return file;
}

// Becomes the program. Returns only if the host refuses to run it.
void run_program(std::span<const std::byte> program, int control, pid_t parent) {
  const UniqueFd file = program.empty() ? UniqueFd() : program_file(program);
  if (!file.valid() || ::fcntl(control, F_SETFD, 0) != 0) return;
  auto control_text = std::to_string(control);
  auto parent_text = std::to_string(parent);
  std::string name = "ploopu-parser";
  const std::array arguments = {name.data(), control_text.data(), parent_text.data(),
                                static_cast<char*>(nullptr)};
  const std::array environment = {static_cast<char*>(nullptr)};
  ::fexecve(file.get(), arguments.data(), environment.data());
}

class ConfinedSeries final : public WorkSeries {
 public:
  ConfinedSeries(pid_t pid, UniqueFd control) : pid_(pid), control_(std::move(control)) {}
  ~ConfinedSeries() override {
    control_.reset();
    retry([&] { return ::waitpid(pid_, nullptr, 0); });
  }

  Result<std::string> run(const WorkTask& task, const std::string& argument,
                          const Serve& serve) override {
    PLOOPU_TRY(auto sockets, make_work_sockets(task.what));
    std::string order(sizeof task.size, '\0');
    std::memcpy(order.data(), &task.size, sizeof task.size);
    // The last child answered, and then ended while we did other things.
    if (is_one_left_ && !await_end()) return fail_ended(task);
    if (!send_message(control_.get(), order, {sockets.theirs.get()}, 0)) return fail_ended(task);
    is_one_left_ = true;
    sockets.theirs.reset();
    // Fails if the child is gone already; serve_work() notices that as well.
    static_cast<void>(send_handed(sockets.ours.get(), {argument, nullptr}));
    auto frame = serve_work(sockets.ours.get(), task, serve);
    sockets.ours.reset();  // a child that still works ends at its next message
    if (frame && *frame) return answer_of(task, 0, *std::move(frame));
    const auto status = await_end();
    PLOOPU_CHECK(frame);
    return status ? answer_of(task, *status, std::nullopt) : fail_ended(task);
  }

 private:
  // The status of the process that has been started last, of waitpid(2).
  std::optional<int> await_end() {
    int status = 0;
    const ssize_t got = retry([&] { return ::recv(control_.get(), &status, sizeof status, 0); });
    is_one_left_ = false;
    return got == ssize_t{sizeof status} ? std::optional(status) : std::nullopt;
  }

  static tl::unexpected<Error> fail_ended(const WorkTask& task) {
    return fail(ErrorKind::failed, "{}: the process that starts parsers ended: try again",
                task.what);
  }

  pid_t pid_;
  UniqueFd control_;
  bool is_one_left_ = false;  // a child whose end we haven't been told yet
};

}  // namespace

void serve_series(int control, pid_t parent, const SeriesWork& series) {
  set_confinement(nullptr);  // this process is the confinement
  if (!kHasSanitizer) control = ::dup2(control, ParsingFilter::kControlSocket);
  const Readiness ready{::getpid(), confine_series(control, parent)};
  if (ready.filter) rehearse(series);
  for (;;) {
    auto order = receive_message(control, sizeof(WorkSize));
    if (order.text.size() != sizeof(WorkSize) || order.descriptors.size() != 1) ::_exit(0);
    WorkTask task;
    std::memcpy(&task.size, order.text.data(), sizeof task.size);
    const pid_t child = ::fork();
    if (child == 0) do_one(task, std::move(order.descriptors.front()), control, ready, series);
    order.descriptors.clear();
    int status = 0;
    if (child > 0) retry([&] { return ::waitpid(child, &status, 0); });
    // Without a child, the other side sees that its socket was closed.
    if (::send(control, &status, sizeof status, MSG_NOSIGNAL) != ssize_t{sizeof status}) ::_exit(0);
  }
}

Result<std::unique_ptr<WorkSeries>> start_confined_series(const SeriesWork& series,
                                                          std::span<const std::byte> program) {
  PLOOPU_TRY(auto sockets, make_message_sockets("containers"));
  const pid_t parent = ::getpid();
  const int processor = ::sched_getcpu();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "starting a process that reads containers");
  if (child == 0) {
    stay_on(processor);
    run_program(program, sockets.theirs.get(), parent);
    serve_series(sockets.theirs.get(), parent, series);
  }
  return std::make_unique<ConfinedSeries>(child, std::move(sockets.ours));
}

}  // namespace ploopu
