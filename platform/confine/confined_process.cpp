// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/confine/confined_process.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/confine/confined_series.hpp"
#include "platform/confine/confined_work.hpp"
#include "platform/confine/sandbox.hpp"
#include "platform/confine/work_channel.hpp"
#include "platform/os/retry.hpp"
#include "platform/os/unique_fd.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

class MemoryFile final : public CommonMemory {
 public:
  MemoryFile(UniqueFd file, std::span<std::byte> bytes) : file_(std::move(file)), bytes_(bytes) {}
  ~MemoryFile() override { ::munmap(bytes_.data(), bytes_.size()); }

  [[nodiscard]] std::span<std::byte> bytes() const override { return bytes_; }

  Result<void> make_own(size_t used) override {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t kept = std::max((used + page - 1) / page * page, page);
    if (kept < bytes_.size()) {
      ::munmap(&bytes_[kept], bytes_.size() - kept);
      bytes_ = bytes_.first(kept);
    }
    // A private mapping of the file shows the pages that the work has filled; the file is closed
    // below, and the process that could write to it has ended.
    if (::mmap(bytes_.data(), bytes_.size(), PROT_READ, MAP_PRIVATE | MAP_FIXED, file_.get(), 0) ==
        MAP_FAILED) {
      return fail_errno(errno, "memory for the table");
    }
    file_.reset();
    return {};
  }

 private:
  UniqueFd file_;
  std::span<std::byte> bytes_;
};

// How long a process may take to end after its last frame, on a busy host.
constexpr std::chrono::seconds kEndLimit{10};
// How long it may take after SIGKILL. A process that hangs in the kernel takes longer and is left.
constexpr std::chrono::milliseconds kKillLimit{500};

// Makes reads from and writes to the socket fail after `limit`.
Result<void> limit_waits(int socket, std::chrono::milliseconds limit, const std::string& what) {
  const timeval time = {limit.count() / 1000, limit.count() % 1000 * 1000};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (::setsockopt(socket, SOL_SOCKET, option, &time, sizeof time) != 0) {
      return fail_errno(errno, what);
    }
  }
  return {};
}

// Waits for the end of the child and returns its status; nothing after `limit`.
std::optional<int> status_of(pid_t child, std::chrono::milliseconds limit) {
  int status = 0;
  const auto has_ended = [&] { return ::waitpid(child, &status, WNOHANG) != 0; };
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (pidfd.valid() && !has_event(pidfd.get(), POLLIN, limit)) return std::nullopt;
  // Without a pidfd, for want of a free descriptor, this waits; otherwise the child has ended.
  return wait_until(has_ended, limit) ? std::optional(status) : std::nullopt;
}

}  // namespace

Result<std::string> ConfinedProcess::run(const WorkTask& task, const Work& work,
                                         const Serve& serve) const {
  PLOOPU_TRY(auto sockets, make_work_sockets(task.what));
  PLOOPU_TRY(const auto& filter, parsing_filter());
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "starting a process that reads " + task.what);
  if (child == 0) {
    const int socket = move_to_work_socket(sockets.theirs.get());
    answer_and_end(socket, [&]() -> Result<std::string> {
      PLOOPU_CHECK(confine(task, socket, parent));
      PLOOPU_CHECK(limit_time(task.size));
      PLOOPU_CHECK(apply_filter(filter));
      SocketOutside outside(socket);
      return work(outside);
    });
  }
  sockets.theirs.reset();
  // A search may be silent for long; its processor time has a limit.
  if (task.size == WorkSize::parsing) {
    PLOOPU_CHECK(limit_waits(sockets.ours.get(), silence_, task.what));
  }
  auto frame = serve_work(sockets.ours.get(), task, serve);
  // Without a last frame, the socket of a child that has ended can be read; a silent one's can't.
  const bool is_silent =
      frame && !*frame && !has_event(sockets.ours.get(), POLLIN, std::chrono::milliseconds(0));
  sockets.ours.reset();  // ends a child that waits for a reply
  const auto status = frame && !is_silent ? status_of(child, kEndLimit) : std::nullopt;
  if (!status) {
    ::kill(child, SIGKILL);
    static_cast<void>(status_of(child, kKillLimit));
  }
  PLOOPU_CHECK(frame);
  if (!status) {
    return fail(ErrorKind::failed, "{}: its storage does not answer: try again when it does",
                task.what);
  }
  return answer_of(task, *status, *std::move(frame));
}

Result<std::unique_ptr<WorkSeries>> ConfinedProcess::start_series(const SeriesWork& series) const {
  return start_confined_series(
      series, series.name == program_.series ? program_.file : std::span<const std::byte>());
}

Result<std::unique_ptr<CommonMemory>> ConfinedProcess::share(size_t bytes) const {
  bytes = std::max<size_t>(bytes, 1);
  UniqueFd file(::memfd_create("ploopu-table", MFD_CLOEXEC));
  if (!file.valid() || ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) {
    return fail_errno(errno, "memory for the table");
  }
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "memory for the table");
  return std::make_unique<MemoryFile>(std::move(file),
                                      std::span(static_cast<std::byte*>(memory), bytes));
}

}  // namespace ploopu
