// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/nbd/nbd_supervisor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <thread>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/nbd/nbd_sysfs.hpp"
#include "platform/nbd/nbd_worker.hpp"
#include "platform/os/descriptor_message.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

// Each connection has a thread of the worker, and a queue in the driver. At least two: so the
// tests, in a guest with one processor, run with several connections, as other hosts do.
constexpr size_t kMinConnections = 2;
constexpr size_t kMaxConnections = 4;
constexpr uint64_t kFlushSeconds = 20;

// A worker that is younger can't have kept a request waiting until the driver's timeout.
constexpr std::chrono::seconds kYoung{3};
constexpr std::chrono::milliseconds kFirstPause{1};
constexpr std::chrono::milliseconds kLongestPause{200};
constexpr size_t kMostCondemned = 3;  // beside the one that may hang, too

}  // namespace

Result<std::vector<NbdSupervisor::Pair>> NbdSupervisor::make_pairs(size_t count) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < count; ++i) {
    std::array<int, 2> ends{};
    // Stream sockets only: the driver refuses everything else (docs/KERNEL.md#nbd-sockets).
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      return fail_errno(errno, "nbd: a socket pair");
    }
    pairs.push_back({UniqueFd(ends[0]), UniqueFd(ends[1])});
  }
  return pairs;
}

bool NbdSupervisor::Child::has_ended() const {
  return has_event(pidfd.get(), POLLIN, std::chrono::milliseconds(0));
}

// Watches a child, or kills it if it can't be watched: nobody would notice its end.
Result<NbdSupervisor::Child> NbdSupervisor::watch(pid_t pid) {
  Child child{pid, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), {}};
  if (child.pidfd.valid()) return child;
  const int error = errno;
  ::kill(pid, SIGKILL);
  return fail_errno(error, "nbd: watching a process");
}

Result<NbdSupervisor::Child> NbdSupervisor::start_worker(std::vector<UniqueFd> sockets,
                                                         UniqueFd& report) const {
  PLOOPU_TRY(auto channel, make_message_sockets("nbd: a socket pair"));
  report = std::move(channel.ours);
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno(errno, "nbd: starting a worker process");
  if (pid == 0) {
    run_nbd_worker(disk_, std::move(sockets), std::move(channel.theirs), pulses_->worker);
  }
  PLOOPU_TRY(auto child, watch(pid));
  child.sockets = std::move(sockets);
  return child;
}

Result<void> NbdSupervisor::prepare() {
  static_cast<void>(::signal(SIGCHLD, SIG_IGN));  // nobody waits for those that end
  PLOOPU_TRY(links_, NbdLinkEvents::open());
  PLOOPU_TRY(auto memory, SharedMemory::create(sizeof(Pulses)));
  memory_.emplace(std::move(memory));
  pulses_ = new (memory_->bytes().data()) Pulses;
  connections_ =
      std::clamp<size_t>(std::thread::hardware_concurrency(), kMinConnections, kMaxConnections);
  return {};
}

Result<int> NbdSupervisor::start() {
  PLOOPU_CHECK(prepare());
  PLOOPU_TRY(auto pairs, make_pairs(connections_));
  std::vector<UniqueFd> ours;
  std::vector<int> drivers;
  for (auto& pair : pairs) {
    ours.push_back(std::move(pair.ours));
    drivers.push_back(pair.drivers.get());
  }
  UniqueFd report;
  PLOOPU_TRY(worker_, start_worker(std::move(ours), report));
  worker_start_ = Clock::now();
  NbdConnect request;
  request.size = disk_.view().size();
  request.identifier = nbd_identifier(id_);
  request.is_writable = disk_.is_writable();
  // A flush of an overlay file waits for the disk of the file.
  if (disk_.is_kept()) request.timeout = kFlushSeconds;
  request.sockets = drivers;
  const auto index = NbdNetlink::connect(request);
  pairs.clear();  // the driver has its own references; while we hold ours, the worker can't end
  if (!index) {
    // The device may exist although the answer got lost. Without a worker, its readers hang.
    if (const int made = find_nbd(id_); made >= 0) {
      static_cast<void>(NbdNetlink::disconnect(made));
    }
    end_workers();
    return tl::unexpected<Error>(index.error());
  }
  index_ = *index;
  if (auto ready = wait_for_nbd_worker(report); !ready) {
    static_cast<void>(NbdNetlink::disconnect(index_));
    end_workers();
    return tl::unexpected<Error>(std::move(ready).error());
  }
  let_nbd_worker_serve(report);
  // Without the identifier no later command finds the device.
  if (!is_nbd_of(index_, id_)) {
    static_cast<void>(NbdNetlink::disconnect(index_));
    end_workers();
    return fail(ErrorKind::missing_kernel_part,
                "nbd: this kernel's driver keeps no backend identifier (Linux 5.14 does)");
  }
  return index_;
}

Result<void> NbdSupervisor::take_over(int index, const std::vector<ProcessIdentity>& old) {
  constexpr std::chrono::seconds kLimit{10};
  PLOOPU_CHECK(prepare());
  for (const auto& process : old) {
    if (!kill_session(process, kLimit)) {
      return fail(ErrorKind::failed, "nbd: its server (pid {}) can't be ended", process.pid);
    }
  }
  index_ = index;
  std::vector<UniqueFd> sockets;
  for (const auto deadline = Clock::now() + kLimit; sockets.empty() && Clock::now() < deadline;) {
    sockets = reconnect();
  }
  if (sockets.empty()) return fail(ErrorKind::failed, "nbd: the driver takes no new connection");
  UniqueFd report;
  PLOOPU_TRY(worker_, start_worker(std::move(sockets), report));
  worker_start_ = Clock::now();
  PLOOPU_CHECK(wait_for_nbd_worker(report));
  let_nbd_worker_serve(report);
  return {};
}

bool NbdSupervisor::is_gone() const { return is_nbd_gone(index_, id_); }

// Returns our ends of the sockets that the driver took. The driver takes a socket in place of one
// that it knows to be dead; otherwise it drops the new socket without an error, and our end is
// closed then (docs/KERNEL.md#nbd-reconfiguring-a-device). It may not yet know that a server has
// died a moment ago, so the message is repeated for a while.
std::vector<UniqueFd> NbdSupervisor::reconnect() const {
  constexpr std::chrono::milliseconds kPatience{50}, kStep{2};
  std::vector<UniqueFd> accepted;
  const auto deadline = Clock::now() + kPatience;
  while (accepted.size() < connections_) {
    auto pairs = make_pairs(connections_ - accepted.size());
    if (!pairs) break;
    std::vector<int> drivers;
    for (const auto& pair : *pairs) drivers.push_back(pair.drivers.get());
    if (!NbdNetlink::reconnect(index_, nbd_identifier(id_), drivers)) break;
    for (auto& pair : *pairs) {
      pair.drivers.reset();
      if (!has_event(pair.ours.get(), POLLRDHUP, std::chrono::milliseconds(0))) {
        accepted.push_back(std::move(pair.ours));
      }
    }
    if (accepted.size() == connections_ || Clock::now() > deadline) break;
    std::this_thread::sleep_for(kStep);
  }
  return accepted;
}

// Starts a worker in place of a dead one. The worker serves only after the standby and the record
// know it: an unknown worker that hangs could not be ended.
void NbdSupervisor::plug_in() {
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  next_attempt_ = Clock::now() + pause_;
  auto sockets = reconnect();
  if (sockets.empty()) return;
  UniqueFd report;  // isn't read: a worker that can't serve ends, which run() notices
  auto worker = start_worker(std::move(sockets), report);
  if (!worker) return;
  worker_ = *std::move(worker);
  worker_start_ = Clock::now();
  worker_pulse_.begin_anew();
  tell_standby();
  note_processes();
  let_nbd_worker_serve(report);
}

// Kills a worker that hangs: a request to it took longer than the driver waits. The process may
// stay in the kernel as long as the storage doesn't answer.
void NbdSupervisor::condemn_worker() {
  for (const auto& socket : worker_->sockets) ::shutdown(socket.get(), SHUT_RDWR);
  ::syscall(SYS_pidfd_send_signal, worker_->pidfd.get(), SIGKILL, nullptr, 0);
  condemned_.push_back(*std::move(worker_));
  worker_.reset();
  next_attempt_ = Clock::now();
}

// Forgets a worker that has ended. If it lived for a second, the next one may start at once.
void NbdSupervisor::lose_worker() {
  // The standby has copies of the sockets, so closing ours isn't enough.
  for (const auto& socket : worker_->sockets) ::shutdown(socket.get(), SHUT_RDWR);
  worker_.reset();
  if (Clock::now() - worker_start_ < std::chrono::seconds(1)) return;
  pause_ = std::chrono::milliseconds(0);
  next_attempt_ = Clock::now();
}

// True if a new worker may start now. On a writable disk, no old worker may be left: it may hang in
// a write, which would overwrite data of the next worker later.
bool NbdSupervisor::may_plug_in() {
  std::erase_if(condemned_, [](const Child& child) { return child.has_ended(); });
  const size_t most = disk_.is_writable() ? 0 : kMostCondemned;
  return condemned_.size() <= most && Clock::now() >= next_attempt_;
}

// Kills the worker if the driver reports a dead connection. The report may be about the worker
// before, so a young worker is left alone.
void NbdSupervisor::hear_of_links() {
  const auto dead = links_.take();
  if (std::find(dead.begin(), dead.end(), index_) == dead.end() || !worker_) return;
  if (Clock::now() - worker_start_ >= kYoung) condemn_worker();
}

// Kills the worker if one of its sockets is shut down, which the driver does with a dead connection
// (docs/KERNEL.md#nbd-sockets). This finds connections whose event was lost.
void NbdSupervisor::look_at_sockets() {
  if (!worker_ || Clock::now() - worker_start_ < kYoung) return;
  const bool has_dead =
      std::any_of(worker_->sockets.begin(), worker_->sockets.end(), [](const UniqueFd& socket) {
        return has_event(socket.get(), POLLRDHUP, std::chrono::milliseconds(0));
      });
  if (has_dead && !worker_->has_ended()) condemn_worker();
}

// A process that was stopped, for one. The driver would notice a worker's silence later, and one
// connection after the other.
void NbdSupervisor::look_at_pulses() {
  pulses_->supervisor.count();
  if (worker_ && worker_pulse_.is_hung(pulses_->worker.value(), Clock::now())) condemn_worker();
  if (standby_ && standby_pulse_.is_hung(pulses_->standby.value(), Clock::now())) {
    ::syscall(SYS_pidfd_send_signal, standby_->pidfd.get(), SIGKILL, nullptr, 0);
    standby_.reset();
  }
}

// How long to wait for events.
std::chrono::milliseconds NbdSupervisor::patience() const {
  constexpr std::chrono::milliseconds kSoon{100};
  if (worker_) return std::min(watch_.due(), kBeat);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next_attempt_ - Clock::now());
  return std::clamp(wait, std::chrono::milliseconds(1), kSoon);
}

void NbdSupervisor::run(int control) {
  while (!is_gone()) {
    if (control < 0) keep_standby();
    if (!worker_ && may_plug_in()) plug_in();
    watch_.look();
    look_at_sockets();
    look_at_pulses();
    std::array<pollfd, 4> events = {{{worker_ ? worker_->pidfd.get() : -1, POLLIN, 0},
                                     {standby_ ? standby_->pidfd.get() : -1, POLLIN, 0},
                                     {links_.descriptor(), POLLIN, 0},
                                     {control, POLLIN, 0}}};
    if (::poll(events.data(), events.size(), static_cast<int>(patience().count())) <= 0) continue;
    if (events[3].revents != 0) return;
    if (events[2].revents != 0) hear_of_links();
    if (events[1].revents != 0) standby_.reset();
    if (events[0].revents != 0 && worker_) lose_worker();
  }
  end_workers();
  dismiss_standby();
}

// Ends the workers after the device is gone, or if it couldn't be made: shuts their sockets down.
void NbdSupervisor::end_workers() {
  if (worker_) {
    for (const auto& socket : worker_->sockets) ::shutdown(socket.get(), SHUT_RDWR);
    if (!has_event(worker_->pidfd.get(), POLLIN, kWorkerExit)) condemn_worker();
  }
  worker_.reset();
  std::erase_if(condemned_, [](const Child& child) {
    return has_event(child.pidfd.get(), POLLIN, kWorkerExit);
  });
}

}  // namespace ploopu
