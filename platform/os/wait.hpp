// SPDX-License-Identifier: GPL-2.0-or-later
// Waits with a limit for events of a descriptor, and for changes that the kernel sends no event
// for.
#pragma once

#include <chrono>

#include <poll.h>

namespace ploopu {

// Calls `condition` until it returns true: at once, and then every 1 to 16 milliseconds. Returns
// false if it isn't true after `limit`.
template <class Condition>
[[nodiscard]] bool wait_until(Condition condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (int pause = 1; !condition(); pause = pause < 16 ? pause * 2 : pause) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    ::poll(nullptr, 0, pause);
  }
  return true;
}

// Waits for `events` of poll(2), or for an error or end, of `fd`. Returns false if none has come
// after `limit`.
[[nodiscard]] inline bool has_event(int fd, short events, std::chrono::milliseconds limit) {
  struct pollfd event = {fd, events, 0};
  return ::poll(&event, 1, static_cast<int>(limit.count())) == 1;
}

}  // namespace ploopu
