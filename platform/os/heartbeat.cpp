// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/heartbeat.hpp"

#include <algorithm>
#include <utility>

namespace ploopu {

bool HeartbeatWatch::is_hung(uint64_t beats, Clock::time_point now) {
  if (!std::exchange(is_known_, true) || std::exchange(beats_, beats) != beats) {
    beats_ = beats;
    still_ = {};
  } else {
    still_ += std::min<Clock::duration>(now - last_look_, kLongestLook);
  }
  last_look_ = now;
  return still_ >= kHung;
}

}  // namespace ploopu
