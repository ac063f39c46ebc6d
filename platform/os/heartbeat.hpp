// SPDX-License-Identifier: GPL-2.0-or-later
// Tells a process that hangs from one that lives. The process counts in shared memory, and another
// process looks whether the count goes on:
//
//     beats->count();                                              // at least every kBeat
//     if (watch.is_hung(beats->value(), Clock::now())) replace();  // about every kBeat
//
// A process that waits for slow storage in one thread and counts in another does not hang. Nor does
// a process of a host that was paused: the time between two looks counts for kLongestLook at most.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace ploopu {

// How often a process counts, and how often another one should look.
inline constexpr std::chrono::milliseconds kBeat{250};

// Lies in memory that both processes share.
class Beats {
 public:
  void count() { count_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t value() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> count_ = 0;
};

// The view that a watcher has of one process. Not thread-safe.
class HeartbeatWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // Call it when another process takes over the counter: the next look starts anew.
  void begin_anew() { is_known_ = false; }

  // True if the count has stood still for kHung of the time that this process watched it.
  [[nodiscard]] bool is_hung(uint64_t beats, Clock::time_point now);

 private:
  static constexpr std::chrono::milliseconds kHung{2000};
  static constexpr std::chrono::milliseconds kLongestLook{500};

  bool is_known_ = false;
  uint64_t beats_ = 0;
  Clock::time_point last_look_;
  Clock::duration still_{};  // how long beats_ has stood still
};

}  // namespace ploopu
