// SPDX-License-Identifier: GPL-2.0-or-later
// The ranges of a disk that can't be read, asked once for every block of a file system.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "core/check/lost_files.hpp"

namespace ploopu {

// `ranges` are ascending, don't overlap, and must outlive an object of this class.
class LostRanges {
 public:
  explicit LostRanges(std::span<const DiskRange> ranges) : ranges_(ranges) {}

  // Calls visit(DiskRange) for each piece of these disk bytes that is lost.
  template <class Visit>
  void for_each_in(uint64_t start, uint64_t length, Visit visit) {
    const uint64_t end = start + length;
    if (start >= gap_start_ && end <= gap_end_) return;  // nearly always
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
  uint64_t gap_start_ = 0;  // in these bytes nothing is lost
  uint64_t gap_end_ = 0;
};

}  // namespace ploopu
