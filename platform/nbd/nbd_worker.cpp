// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/nbd/nbd_worker.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/nbd/nbd_server.hpp"
#include "platform/confine/sandbox.hpp"
#include "platform/nbd/socket_stream.hpp"
#include "platform/os/process.hpp"
#include "platform/serve/backend.hpp"

namespace ploopu {
namespace {

constexpr std::chrono::milliseconds kStartLimit{20000};
constexpr char kReady = '+';  // report of a worker that is ready, and the order to serve

// A gate at which threads wait. Waiting needs only futex(2), which the sandbox allows.
class Gate {
 public:
  void open() {
    const std::lock_guard guard(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }
  void wait() {
    std::unique_lock guard(mutex_);
    opened_.wait(guard, [&] { return is_open_; });
  }
  void wait_for(std::chrono::milliseconds limit) {
    std::unique_lock guard(mutex_);
    opened_.wait_for(guard, limit, [&] { return is_open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

// Starts the threads of a worker. They begin to serve when `begin` opens. The last one to finish
// ends the process; the others wait, since the sandbox doesn't allow a thread to end.
void start_threads(const ServedDisk& disk, std::vector<std::unique_ptr<SocketStream>>& streams,
                   Gate& begin) {
  static Gate never;
  static std::atomic<size_t> running = streams.size();
  static std::latch ready(static_cast<ptrdiff_t>(streams.size()));
  for (const auto& stream : streams) {
    std::thread([&disk, &begin, s = stream.get()] {
      ready.count_down();
      begin.wait();
      // If a connection is out of step, a new worker is the only cure.
      if (nbd::serve(disk, *s) == nbd::End::out_of_step || --running == 0) ::_exit(0);
      never.wait();
    }).detach();
  }
  ready.wait();
}

}  // namespace

void run_nbd_worker(const ServedDisk& disk, std::vector<UniqueFd> sockets, UniqueFd report,
                    Beats& beats) noexcept {
  ::prctl(PR_SET_NAME, "ploopu-nbd-work");
  // A write of the worker that needs memory must not wait for writes to its own device.
  if (disk.is_writable()) ::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
  disk.take_over();
  Gate begin;
  const auto ready = [&]() -> Result<void> {
    auto keep = disk.view().file_descriptors();
    keep.reserve(keep.size() + sockets.size() + 1);
    keep.push_back(report.get());
    for (const auto& socket : sockets) keep.push_back(socket.get());
    PLOOPU_CHECK(close_all_but(std::move(keep)));
    static std::vector<std::unique_ptr<SocketStream>> streams;
    streams.reserve(sockets.size());
    for (auto& socket : sockets) {
      streams.push_back(std::make_unique<SocketStream>(std::move(socket)));
    }
    PLOOPU_CHECK(drop_privileges());
    PLOOPU_CHECK(settle_for_serving());
    try {
      start_threads(disk, streams, begin);
    } catch (const std::exception& error) {
      return fail(ErrorKind::failed, "starting threads: {}", error.what());
    }
    return allow_serving_only(disk.is_writable());
  }();
  const std::string word = ready ? std::string(1, kReady) : ready.error().message;
  static_cast<void>(::send(report.get(), word.data(), word.size(), MSG_NOSIGNAL));
  if (!ready) ::_exit(1);
  // Ends if the supervisor died before it told others about this worker. The standby kills a
  // supervisor that hangs, so the wait is short.
  char go = 0;
  if (::recv(report.get(), &go, 1, 0) != 1) ::_exit(1);
  begin.open();
  for (Gate never;;) {
    beats.count();
    never.wait_for(kBeat);
  }
}

Result<void> wait_for_nbd_worker(const UniqueFd& report) {
  std::array<char, 512> word{};
  ssize_t got = 0;
  struct pollfd event = {report.get(), POLLIN, 0};
  if (::poll(&event, 1, static_cast<int>(kStartLimit.count())) == 1) {
    got = ::recv(report.get(), word.data(), word.size(), 0);
  }
  if (got == 1 && word[0] == kReady) return {};
  return fail(ErrorKind::failed, "nbd: the worker process can't serve: {}",
              got > 0 ? std::string(word.data(), static_cast<size_t>(got)) : "it ended");
}

void let_nbd_worker_serve(const UniqueFd& report) {
  static_cast<void>(::send(report.get(), &kReady, 1, MSG_NOSIGNAL));
}

}  // namespace ploopu
