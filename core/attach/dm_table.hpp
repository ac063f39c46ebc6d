// SPDX-License-Identifier: GPL-2.0-or-later
// The disk as device-mapper wants it: a table of runs of whole sectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/disk.hpp"

namespace ploopu {

// A run of the disk. The kernel's target for zero is "zero", for data "linear", for unreadable
// "error".
struct DmTarget {
  uint64_t start = 0;   // sectors, on the disk
  uint64_t length = 0;  // sectors
  ExtentKind kind = ExtentKind::zero;
  uint32_t file = 0;    // index into Disk::files(); data only
  uint64_t offset = 0;  // sectors from the start of that file; data only

  bool operator==(const DmTarget&) const = default;
};

// The kernel keeps some 110 bytes of unswappable memory for each target, and loads one in 35 us
// (measured on Linux 6.1 in user-mode Linux): this many cost 7 MiB and, there, two seconds. From
// Linux 6.8 on it takes no more than 1,048,576.
inline constexpr size_t kMaxDmTargets = 65536;

// The targets that make up the disk, without gaps, neighbours that continue each other joined. A
// sector of which a file has only the first bytes is unreadable: the loop driver shows whole
// sectors. Fails when the disk needs more than `limit` targets, or when a raw base ends inside a
// sector, which no target can express.
[[nodiscard]] Result<std::vector<DmTarget>> make_dm_table(const Disk& disk,
                                                          size_t limit = kMaxDmTargets);

}  // namespace ploopu
