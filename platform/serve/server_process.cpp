// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/server_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <exception>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/os/interruption.hpp"
#include "platform/os/retry.hpp"
#include "platform/os/sysfs.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

constexpr std::chrono::seconds kStartLimit{30};
constexpr std::chrono::seconds kUndoLimit{20};
constexpr char kKeep = 'k';

// A message on the control socket begins with a character (kStarted, or a digit for an ErrorKind);
// text follows.
constexpr char kStarted = '+';
constexpr size_t kMaxMessage = 8192;

void send_result(int control, const Result<std::string>& result) {
  std::string message = result ? kStarted + *result
                               : static_cast<char>('0' + static_cast<int>(result.error().kind)) +
                                     result.error().message;
  message.resize(std::min(message.size(), kMaxMessage));
  // If nobody reads the message, the command has died; was_kept() notices that.
  static_cast<void>(::send(control, message.data(), message.size(), MSG_NOSIGNAL));
}

Result<std::string> receive_result(int control) {
  std::array<char, kMaxMessage> buffer{};
  ssize_t got = 0;
  std::array<pollfd, 2> events = {{{control, POLLIN, 0}, {interruption_descriptor(), POLLIN, 0}}};
  const std::chrono::milliseconds limit = kStartLimit;
  const int ready = ::poll(events.data(), events.size(), static_cast<int>(limit.count()));
  PLOOPU_CHECK(check_not_interrupted());
  if (ready == 0) {
    return fail(ErrorKind::failed, "the server process is not ready after {} seconds",
                kStartLimit.count());
  }
  got = retry([&] { return ::recv(control, buffer.data(), buffer.size(), 0); });
  if (got <= 0) return fail(ErrorKind::failed, "the server process ended before it was ready");
  std::string text(buffer.data() + 1, static_cast<size_t>(got) - 1);
  if (buffer[0] == kStarted) return text;
  return tl::unexpected<Error>(Error{static_cast<ErrorKind>(buffer[0] - '0'), std::move(text)});
}

// Waits for keep() of the command. Returns false if the command ends without it, which also ends
// the wait.
bool was_kept(int control) {
  char word = 0;
  const ssize_t got = retry([&] { return ::recv(control, &word, 1, 0); });
  return got == 1 && word == kKeep;
}

// Closes everything that the server inherits from the command: a shell waits until a pipe is
// closed, and a working directory can't be unmounted.
Result<void> detach_from_command(std::vector<int> keep) {
  ::setsid();
  // Users of the device wait for the server, so signals don't end it: it ends when the kernel frees
  // its device.
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGXFSZ}) {
    static_cast<void>(::signal(number, SIG_IGN));
  }
  // If the host runs out of memory, killing the server harms every reader of the device and frees
  // next to no memory. Only root may set this.
  static_cast<void>(write_attribute("/proc/self/oom_score_adj", "-900"));
  if (::chdir("/") != 0) return fail_errno(errno, "/");
  const int null = ::open("/dev/null", O_RDWR);
  for (const int stream : {0, 1, 2}) ::dup2(null, stream);
  return close_all_but(std::move(keep));
}

[[noreturn]] void run_server(Service& service, const std::vector<int>& keep, int control,
                             int lock) {
  const auto started = [&]() -> Result<std::string> {
    PLOOPU_CHECK(detach_from_command(keep));
    try {
      return service.start();
    } catch (const std::exception& error) {  // no thread could be started, or no memory allocated
      return fail(ErrorKind::failed, "starting the server: {}", error.what());
    }
  }();
  send_result(control, started);
  if (started) {
    service.serve_until(control);
    const bool goes_on = was_kept(control) || !service.stop();
    if (goes_on) ::close(lock);
    ::close(control);
    service.wait();
  }
  service.clean_up();
  ::_exit(0);
}

}  // namespace

Result<ServerProcess> ServerProcess::launch(Service& service, const std::vector<int>& keep,
                                            int lock, const char* title) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "a socket pair for the server");
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno(errno, "starting the server process");
  if (pid == 0) {
    ::prctl(PR_SET_NAME, title);
    auto kept = keep;
    kept.push_back(theirs.get());
    kept.push_back(lock);
    run_server(service, kept, theirs.get(), lock);
  }
  theirs.reset();
  ServerProcess server;
  server.control_ = std::move(ours);
  const auto identity = identify_process(pid);
  if (!identity) {
    // The server ends by itself when its control socket is closed.
    server.control_.reset();
    static_cast<void>(
        wait_until([&] { return ::waitpid(pid, nullptr, WNOHANG) != 0; }, kUndoLimit));
    return tl::unexpected<Error>(identity.error());
  }
  server.identity_ = *identity;
  auto started = receive_result(server.control_.get());
  if (started) {
    server.started_ = *std::move(started);
    return server;
  }
  // The server ends by itself when its control socket is closed, unless it hangs.
  server.control_.reset();
  static_cast<void>(end_process(server.identity_, kUndoLimit));
  return tl::unexpected<Error>(std::move(started).error());
}

ServerProcess::~ServerProcess() {
  if (!control_.valid()) return;
  control_.reset();
  static_cast<void>(wait_for_exit(identity_, kUndoLimit));
}

Result<void> ServerProcess::keep() {
  if (::send(control_.get(), &kKeep, 1, MSG_NOSIGNAL) != 1) {
    return fail(ErrorKind::failed, "the server process ended unexpectedly");
  }
  control_.reset();
  return {};
}

}  // namespace ploopu
