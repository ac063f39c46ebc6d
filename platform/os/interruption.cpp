// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/interruption.hpp"

#include <csignal>

#include <signal.h>
#include <sys/signalfd.h>

#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

struct Held {
  sigset_t signals{};
  UniqueFd descriptor;
};

Held& held() {
  static Held instance = [] {
    Held empty;
    ::sigemptyset(&empty.signals);
    return empty;
  }();
  return instance;
}

// A signal that is ignored must not be blocked: while it is blocked, it becomes pending anyway.
bool is_ignored(int number) {
  struct sigaction action = {};
  return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

void hold_interruptions() {
  if (held().descriptor.valid()) return;
  sigset_t blocked{};
  if (::pthread_sigmask(SIG_SETMASK, nullptr, &blocked) != 0) return;
  for (const int number : {SIGHUP, SIGINT, SIGTERM}) {
    if (::sigismember(&blocked, number) == 0 && !is_ignored(number)) {
      ::sigaddset(&held().signals, number);
    }
  }
  // Without a descriptor that wakes poll(), the signals keep their default effect.
  held().descriptor.reset(::signalfd(-1, &held().signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!held().descriptor.valid()) return;
  ::pthread_sigmask(SIG_BLOCK, &held().signals, nullptr);
}

Result<void> check_not_interrupted() {
  sigset_t pending{};
  if (!held().descriptor.valid() || ::sigpending(&pending) != 0) return {};
  ::sigandset(&pending, &pending, &held().signals);
  if (::sigisemptyset(&pending) != 0) return {};
  return fail(ErrorKind::failed, "interrupted");
}

int interruption_descriptor() { return held().descriptor.get(); }

void obey_interruption() {
  if (held().descriptor.valid()) ::pthread_sigmask(SIG_UNBLOCK, &held().signals, nullptr);
}

}  // namespace ploopu
