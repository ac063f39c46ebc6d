// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/nbd_supervisor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/nbd_sysfs.hpp"
#include "platform/nbd_worker.hpp"

namespace ploopu {
namespace {

// Each connection has a thread and, in the driver, a queue of its own.
constexpr unsigned kMaxConnections = 4;
constexpr uint64_t kFlushSeconds = 60;

// Below this, a worker can't have kept a request waiting so long that the driver gave up on it.
constexpr std::chrono::seconds kYoung{3};
constexpr std::chrono::milliseconds kFirstPause{1};
constexpr std::chrono::milliseconds kLongestPause{200};
constexpr std::chrono::milliseconds kWorkerExit{500};

// Messages to the standby.
constexpr char kWorker = 'w';  // with the pidfd of the one there is now
constexpr char kBye = 'b';

bool has_event(int fd, short events, std::chrono::milliseconds limit) {
  struct pollfd event = {fd, events, 0};
  return ::poll(&event, 1, static_cast<int>(limit.count())) == 1;
}

// Room for one descriptor beside a message.
union Attachment1 {
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(int))> room;
};

void send_with_descriptor(int channel, char word, pid_t pid, int descriptor) {
  std::array<char, 1 + sizeof pid> text{word};
  std::memcpy(&text[1], &pid, sizeof pid);
  iovec data = {text.data(), text.size()};
  Attachment1 extra{};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &extra;
  message.msg_controllen = sizeof extra;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  static_cast<void>(::sendmsg(channel, &message, MSG_NOSIGNAL));
}

}  // namespace

Result<std::vector<NbdSupervisor::Pair>> NbdSupervisor::make_pairs(size_t count) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < count; ++i) {
    std::array<int, 2> ends{};
    // Stream sockets only: the driver refuses everything else (M03).
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      return fail_errno(errno, "nbd: a socket pair");
    }
    pairs.push_back({UniqueFd(ends[0]), UniqueFd(ends[1])});
  }
  return pairs;
}

// One whose end nobody would notice had better not be.
Result<NbdSupervisor::Child> NbdSupervisor::watch(pid_t pid) {
  Child child{pid, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))};
  if (child.pidfd.valid()) return child;
  const int error = errno;
  ::kill(pid, SIGKILL);
  return fail_errno(error, "nbd: watching a process");
}

Result<NbdSupervisor::Child> NbdSupervisor::start_worker(std::vector<UniqueFd> sockets,
                                                         UniqueFd& report) const {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "nbd: a socket pair");
  }
  report.reset(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno(errno, "nbd: starting a worker process");
  if (pid == 0) run_nbd_worker(disk_, std::move(sockets), std::move(theirs));
  return watch(pid);
}

Result<int> NbdSupervisor::start() {
  static_cast<void>(::signal(SIGCHLD, SIG_IGN));  // nobody waits for those that end
  PLOOPU_TRY(links_, NbdLinkEvents::open());
  connections_ = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxConnections);
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
  request.size = disk_.size();
  request.identifier = nbd_identifier(id_);
  request.is_writable = disk_.is_writable();
  // A flush waits for the disk that the file is on.
  if (disk_.is_kept()) request.timeout = kFlushSeconds;
  request.sockets = drivers;
  const auto index = NbdNetlink::connect(request);
  pairs.clear();  // the driver has references of its own; without them the worker ends
  if (!index) {
    end_workers();
    return tl::unexpected<Error>(index.error());
  }
  index_ = *index;
  if (auto ready = wait_for_nbd_worker(report); !ready) {
    static_cast<void>(NbdNetlink::disconnect(index_));
    end_workers();
    return tl::unexpected<Error>(std::move(ready).error());
  }
  // Without the identifier nobody could tell later whose device it is.
  if (!is_ours()) {
    static_cast<void>(NbdNetlink::disconnect(index_));
    end_workers();
    return fail(ErrorKind::missing_kernel_part,
                "nbd: this kernel's driver keeps no backend identifier (Linux 5.14 does)");
  }
  return index_;
}

bool NbdSupervisor::is_ours() const { return is_nbd_of(index_, id_); }

// The driver takes a socket where it knows of a dead one, and drops it otherwise without a word
// (R30): then its end is closed. What died a moment ago it may not know yet.
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

void NbdSupervisor::plug_in() {
  auto sockets = reconnect();
  if (!sockets.empty()) {
    UniqueFd report;  // how it gets on is seen by whether it lives
    if (auto worker = start_worker(std::move(sockets), report)) {
      worker_ = *std::move(worker);
      // One that dies at once isn't followed by the next at once.
      const bool was_short = Clock::now() - worker_start_ < std::chrono::seconds(1);
      worker_start_ = Clock::now();
      pause_ = was_short ? std::clamp(pause_ * 2, kFirstPause, kLongestPause)
                         : std::chrono::milliseconds(0);
      tell_standby();
      note_processes();
      return;
    }
  }
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
}

// It hangs: a request on it took longer than the driver waits. Killed, it may stay in the kernel
// for as long as the storage below doesn't answer.
void NbdSupervisor::condemn_worker() {
  ::syscall(SYS_pidfd_send_signal, worker_->pidfd.get(), SIGKILL, nullptr, 0);
  condemned_.push_back(*std::move(worker_));
  worker_.reset();
}

// Dead links are also those of a worker that died, and for which there is another one already.
void NbdSupervisor::look_at_links() {
  constexpr size_t kMostCondemned = 4;
  const auto dead = links_.take();
  if (std::find(dead.begin(), dead.end(), index_) == dead.end() || !worker_) return;
  std::erase_if(condemned_, [](const Child& child) {
    return has_event(child.pidfd.get(), POLLIN, std::chrono::milliseconds(0));
  });
  if (Clock::now() - worker_start_ >= kYoung && condemned_.size() < kMostCondemned) {
    condemn_worker();
  }
}

void NbdSupervisor::run(int control) {
  while (is_ours()) {
    if (control < 0) keep_standby();
    if (!worker_) plug_in();
    std::array<pollfd, 4> events = {{{worker_ ? worker_->pidfd.get() : -1, POLLIN, 0},
                                     {standby_ ? standby_->pidfd.get() : -1, POLLIN, 0},
                                     {links_.descriptor(), POLLIN, 0},
                                     {control, POLLIN, 0}}};
    const int limit = worker_ ? -1 : static_cast<int>(pause_.count());
    if (::poll(events.data(), events.size(), limit) < 0 && errno != EINTR) break;
    if (events[3].revents != 0) return;
    if (events[2].revents != 0) look_at_links();
    if (events[1].revents != 0) standby_.reset();
    if (events[0].revents != 0) worker_.reset();
  }
  end_workers();
  dismiss_standby();
}

// The device is gone, or was never there: their sockets are closed.
void NbdSupervisor::end_workers() {
  if (worker_ && !has_event(worker_->pidfd.get(), POLLIN, kWorkerExit)) condemn_worker();
  worker_.reset();
  for (const auto& child : condemned_) has_event(child.pidfd.get(), POLLIN, kWorkerExit);
  condemned_.clear();
}

void NbdSupervisor::keep_standby() {
  while (!standby_) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return;
    if (pid == 0) {
      ours.reset();
      standby_channel_.reset();
      if (!stand_by(std::move(theirs))) ::_exit(0);
      continue;  // the supervisor, from now on, and in need of a standby
    }
    auto child = watch(pid);
    if (!child) return;
    standby_ = *std::move(child);
    standby_channel_ = std::move(ours);
    note_processes();
  }
}

// Waits until the supervisor dies. False when there is nothing left to do.
bool NbdSupervisor::stand_by(UniqueFd channel) {
  for (;;) {
    std::array<char, 1 + sizeof(pid_t)> text{};
    iovec data = {text.data(), text.size()};
    Attachment1 extra{};
    msghdr message = {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = &extra;
    message.msg_controllen = sizeof extra;
    const ssize_t got = ::recvmsg(channel.get(), &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    if (text[0] == kBye) return false;
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr) continue;
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    worker_ = Child{};
    std::memcpy(&worker_->pid, &text[1], sizeof worker_->pid);
    worker_->pidfd.reset(descriptor);
    worker_start_ = Clock::now();
  }
  standby_.reset();
  note_processes();
  return true;
}

void NbdSupervisor::tell_standby() const {
  if (standby_ && worker_) {
    send_with_descriptor(standby_channel_.get(), kWorker, worker_->pid, worker_->pidfd.get());
  }
}

void NbdSupervisor::dismiss_standby() {
  if (!standby_) return;
  static_cast<void>(::send(standby_channel_.get(), &kBye, 1, MSG_NOSIGNAL));
  has_event(standby_->pidfd.get(), POLLIN, kWorkerExit);
  standby_.reset();
}

// For commands, which wait for all of them when they detach.
void NbdSupervisor::note_processes() const {
  std::vector<ProcessIdentity> processes = {identify_process(::getpid())};
  for (const auto* child : {&standby_, &worker_}) {
    if (*child) processes.push_back(identify_process((*child)->pid));
  }
  static_cast<void>(runtime_.save_servers(id_, processes));
}

}  // namespace ploopu
