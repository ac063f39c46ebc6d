// SPDX-License-Identifier: GPL-2.0-or-later
// Waits with a limit for changes that the kernel sends no event for.
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

}  // namespace ploopu
