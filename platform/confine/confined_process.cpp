// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/confine/confined_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/confine/sandbox.hpp"
#include "platform/os/retry.hpp"
#include "platform/os/unique_fd.hpp"
#include "platform/serve/server_process.hpp"

namespace ploopu {
namespace {

constexpr rlim_t kMaxAddresses = rlim_t{1} << 30;
constexpr size_t kMaxAnswer = size_t{256} << 20;

// The first byte of what the child writes.
constexpr char kAnswer = '+';  // and the answer
constexpr char kFailed = '-';  // and why it couldn't begin, or a library threw
constexpr char kNoMemory = 'm';

// A sanitizer's runtime has terabytes of addresses, makes calls of its own and writes its report to
// standard error.
#ifdef PLOOPU_HAS_SANITIZER
constexpr bool kHasSanitizer = true;
#else
constexpr bool kHasSanitizer = false;
#endif

rlim_t seconds_of(WorkSize size) { return size == WorkSize::parsing ? 2 : 120; }

Result<void> set_limits(WorkSize size) {
  const rlim_t seconds = seconds_of(size);
  const rlimit time = {seconds, seconds + 1};
  const rlimit addresses = {kMaxAddresses, kMaxAddresses};
  if (::setrlimit(RLIMIT_CPU, &time) != 0 ||
      (!kHasSanitizer && ::setrlimit(RLIMIT_AS, &addresses) != 0)) {
    return fail_errno(errno, "setting limits");
  }
  return {};
}

// Everything that the child gives away before it sees a byte.
Result<void> confine(WorkSize size, std::vector<int> descriptors, int answer, pid_t parent,
                     const ParsingFilter& filter) {
  descriptors.push_back(answer);
  PLOOPU_CHECK(close_all_but(std::move(descriptors)));
  if (!kHasSanitizer) {
    for (const int standard : {0, 2}) ::close(standard);
  }
  // Its limit must end it, whatever its parent does on that signal.
  static_cast<void>(::signal(SIGXCPU, SIG_DFL));
  PLOOPU_CHECK(drop_privileges());
  // After that: a change of the user takes this back.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != parent) ::_exit(1);
  PLOOPU_CHECK(set_limits(size));
  return kHasSanitizer ? Result<void>() : filter.apply();
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = retry([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (written <= 0) ::_exit(1);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

[[noreturn]] void work_and_end(int answer, const std::function<Result<std::string>()>& work) {
  std::string bytes;
  try {
    auto result = work();
    bytes = result ? kAnswer + *std::move(result) : kFailed + result.error().message;
  } catch (const std::bad_alloc&) {
    bytes = kNoMemory;
  } catch (const std::exception& error) {
    bytes = kFailed + std::string(error.what());
  }
  write_all(answer, bytes);
  ::_exit(0);
}

// All that is written to the pipe until its other end is closed.
Result<std::string> read_all(int fd, const std::string& what) {
  std::string bytes;
  std::vector<char> buffer(size_t{64} << 10);
  for (;;) {
    const ssize_t got = retry([&] { return ::read(fd, buffer.data(), buffer.size()); });
    if (got < 0) return fail_errno(errno, what);
    if (got == 0) return bytes;
    bytes.append(buffer.data(), static_cast<size_t>(got));
    if (bytes.size() > kMaxAnswer) {
      return fail(ErrorKind::damaged, "{}: has more to tell than {} bytes: refused", what,
                  kMaxAnswer);
    }
  }
}

int wait_for(pid_t child) {
  int status = 0;
  retry([&] { return ::waitpid(child, &status, 0); });
  return status;
}

Result<std::string> judge(const std::string& what, WorkSize size, int status, std::string bytes) {
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (signal == SIGXCPU) {
    return fail(ErrorKind::damaged, "{}: reading it took more than {} s of processor time: refused",
                what, seconds_of(size));
  }
  // Also for want of memory on the host.
  if (signal == SIGKILL) {
    return fail(ErrorKind::failed, "{}: the process that reads it was killed: try again", what);
  }
  if (signal != 0) {
    return fail(ErrorKind::damaged,
                "{}: the process that reads it was ended by signal {} ({}): refused; this is a "
                "fault of ploopu: please report it",
                what, signal, ::strsignal(signal));
  }
  const char kind = bytes.empty() ? '\0' : bytes.front();
  if (!bytes.empty()) bytes.erase(0, 1);
  if (kind == kAnswer) return bytes;
  if (kind == kNoMemory) {
    return fail(ErrorKind::failed, "{}: reading it takes more memory than there is", what);
  }
  return fail(ErrorKind::failed, "{}: the process that reads it: {}", what,
              kind == kFailed ? bytes : "ended without a word");
}

class MemoryFile final : public CommonMemory {
 public:
  MemoryFile(UniqueFd file, std::span<std::byte> bytes) : file_(std::move(file)), bytes_(bytes) {}
  ~MemoryFile() override { ::munmap(bytes_.data(), bytes_.size()); }

  [[nodiscard]] std::span<std::byte> bytes() const override { return bytes_; }

  Result<void> make_own() override {
    // The same pages, until somebody writes.
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

}  // namespace

Result<std::string> ConfinedProcess::run(const std::string& what, WorkSize size,
                                         const std::vector<int>& descriptors,
                                         const std::function<std::string()>& work) const {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, what);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  // Made once for all that this process has parsed.
  static const auto filter = ParsingFilter::make();
  if (!filter) return tl::unexpected<Error>(filter.error());
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "starting a process that reads " + what);
  if (child == 0) {
    const int answer =
        kHasSanitizer ? writing.get() : ::dup2(writing.get(), ParsingFilter::kAnswer);
    work_and_end(answer, [&]() -> Result<std::string> {
      PLOOPU_CHECK(confine(size, descriptors, answer, parent, *filter));
      return work();
    });
  }
  writing.reset();
  auto bytes = read_all(reading.get(), what);
  if (!bytes) ::kill(child, SIGKILL);
  const int status = wait_for(child);
  PLOOPU_CHECK(bytes);
  return judge(what, size, status, *std::move(bytes));
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
