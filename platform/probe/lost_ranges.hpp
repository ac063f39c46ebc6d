// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the lost parts of a range of the disk, fast enough for a call for each block of a file
// system:
//
//   LostRanges lost(ranges);
//   lost.for_each_in(start, length, [&](DiskRange part) { ... });
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "core/check/lost_files.hpp"

namespace ploopu {

// `ranges` must be ascending, must not overlap, and must outlive the object.
class LostRanges {
 public:
  explicit LostRanges(std::span<const DiskRange> ranges) : ranges_(ranges) {}

  // Calls visit(DiskRange) for each lost part of `length` disk bytes from `start`, in order.
  template <class Visit>
  void for_each_in(uint64_t start, uint64_t length, Visit visit) {
    const uint64_t end = start + length;
    if (start >= gap_start_ && end <= gap_end_) return;  // true for nearly all calls
    auto at = std::partition_point(ranges_.begin(), ranges_.end(), [&](const DiskRange& range) {
      return range.start + range.length <= start;
    });
    gap_start_ = at == ranges_.begin() ? 0 : (at - 1)->start + (at - 1)->length;
    gap_end_ = at == ranges_.end() ? UINT64_MAX : at->start;
    for (; at != ranges_.end() && at->start < end; ++at) {
      const uint64_t first = std::max(start, at->start);
      visit(DiskRange{first, std::min(end, at->start + at->length) - first});
    }
  }

 private:
  std::span<const DiskRange> ranges_;
  // The gap between lost ranges that the last call looked at: nothing is lost in these disk bytes.
  uint64_t gap_start_ = 0;
  uint64_t gap_end_ = 0;
};

}  // namespace ploopu
