// SPDX-License-Identifier: GPL-2.0-or-later
// NbdSupervisor's standby: how the supervisor keeps one, and how a standby waits for its turn.
#include <array>
#include <cstring>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/nbd/nbd_supervisor.hpp"
#include "platform/os/descriptor_message.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

// Messages to the standby.
constexpr char kWorker = 'w';  // with the pidfd of the one there is now
constexpr char kBye = 'b';

// A message to the standby: a word and a process ID.
std::string message_of(char word, pid_t pid) {
  std::string text(1 + sizeof pid, word);
  std::memcpy(&text[1], &pid, sizeof pid);
  return text;
}

pid_t pid_in(const std::string& text) {
  pid_t pid = 0;
  if (text.size() == 1 + sizeof pid) std::memcpy(&pid, &text[1], sizeof pid);
  return pid;
}

}  // namespace

void NbdSupervisor::keep_standby() {
  while (!standby_) {
    auto sockets = make_message_sockets("nbd: a socket pair");
    if (!sockets) return;
    const UniqueFd supervisor(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    const pid_t pid = ::fork();
    if (pid < 0) return;
    if (pid == 0) {
      sockets->ours.reset();
      standby_channel_.reset();
      if (!stand_by(sockets->theirs, supervisor)) ::_exit(0);
      continue;  // the supervisor, from now on, and in need of a standby
    }
    auto child = watch(pid);
    if (!child) return;
    standby_ = *std::move(child);
    standby_channel_ = std::move(sockets->ours);
    standby_pulse_.begin_anew();
    note_processes();
  }
}

// Two supervisors at a time would take the device from each other: a supervisor that hangs is
// killed, and is gone before the channel ends. The wait has no limit of its own, since a standby
// has nothing else to do; each look takes kBeat.
void NbdSupervisor::wait_for_supervisor(const UniqueFd& channel, const UniqueFd& supervisor) {
  while (!has_event(channel.get(), POLLIN, kBeat)) {
    pulses_->standby.count();
    // If the worker hangs as well, the time that it stood still counts from now.
    if (worker_) {
      static_cast<void>(worker_pulse_.is_hung(pulses_->worker.value(), Clock::now()));
    }
    if (!supervisor_pulse_.is_hung(pulses_->supervisor.value(), Clock::now())) continue;
    ::syscall(SYS_pidfd_send_signal, supervisor.get(), SIGKILL, nullptr, 0);
  }
}

// Waits until the supervisor has ended. Returns false when there is nothing left to do.
bool NbdSupervisor::stand_by(const UniqueFd& channel, const UniqueFd& supervisor) {
  supervisor_pulse_.begin_anew();
  for (;;) {
    wait_for_supervisor(channel, supervisor);
    auto received = receive_message(channel.get(), message_of(kWorker, 0).size());
    if (received.text.starts_with(kBye)) return false;
    if (!received.text.starts_with(kWorker)) break;
    if (received.descriptors.empty()) continue;
    // The one before may hang still.
    if (worker_ && !worker_->has_ended()) condemned_.push_back(*std::move(worker_));
    worker_ = Child{pid_in(received.text), std::move(received.descriptors.front()), {}};
    for (size_t i = 1; i < received.descriptors.size(); ++i) {
      worker_->sockets.push_back(std::move(received.descriptors[i]));
    }
    worker_start_ = Clock::now();
    worker_pulse_.begin_anew();
  }
  standby_.reset();
  note_processes();
  return true;
}

// Hands the worker on to the standby. A standby that doesn't listen is replaced.
void NbdSupervisor::tell_standby() {
  if (!standby_ || !worker_) return;
  std::vector<int> descriptors = {worker_->pidfd.get()};
  for (const auto& socket : worker_->sockets) descriptors.push_back(socket.get());
  const std::string text = message_of(kWorker, worker_->pid);
  // A standby that doesn't listen must not hold the supervisor up.
  if (send_message(standby_channel_.get(), text, descriptors, MSG_DONTWAIT)) return;
  ::syscall(SYS_pidfd_send_signal, standby_->pidfd.get(), SIGKILL, nullptr, 0);
  standby_.reset();
}

void NbdSupervisor::dismiss_standby() {
  if (!standby_) return;
  static_cast<void>(::send(standby_channel_.get(), &kBye, 1, MSG_NOSIGNAL | MSG_DONTWAIT));
  if (!has_event(standby_->pidfd.get(), POLLIN, kWorkerExit)) {
    ::syscall(SYS_pidfd_send_signal, standby_->pidfd.get(), SIGKILL, nullptr, 0);
  }
  standby_.reset();
}

// For commands, which wait for all of them when they detach.
void NbdSupervisor::note_processes() const {
  std::vector<ProcessIdentity> processes;
  const auto note = [&](pid_t pid) {
    if (const auto process = identify_process(pid)) processes.push_back(*process);
  };
  note(::getpid());
  for (const auto* child : {&standby_, &worker_}) {
    // The number of an ended child may be another process's by now.
    if (*child && !(*child)->has_ended()) note((*child)->pid);
  }
  static_cast<void>(runtime_.save_servers(id_, processes));
}

}  // namespace ploopu
