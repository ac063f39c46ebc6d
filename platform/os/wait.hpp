// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>

#include <poll.h>

namespace ploopu {

// Asks `condition` until it is true; false when that took longer than `limit`. For things of which
// the kernel sends no event that could be waited for. The first question is asked at once.
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
