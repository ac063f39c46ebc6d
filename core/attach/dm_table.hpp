// SPDX-License-Identifier: GPL-2.0-or-later
// A disk as a table for device-mapper: runs of whole sectors.
//
//     PLOOPU_TRY(const auto targets, make_dm_table(image.disk));
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/disk.hpp"

namespace ploopu {

// A run of the disk. The kernel's target type is "zero" for zero, "linear" for data, and "error"
// for unreadable.
struct DmTarget {
  uint64_t start = 0;   // sectors, on the disk
  uint64_t length = 0;  // sectors
  ExtentKind kind = ExtentKind::zero;
  uint32_t file = 0;    // index into Disk::files(); data only
  uint64_t offset = 0;  // sectors from the start of that file; data only

  bool operator==(const DmTarget&) const = default;
};

// Most targets of a table. The kernel keeps some 110 bytes of unswappable memory for each target,
// and loads it in 35 us (measured on Linux 6.1 in user-mode Linux): 65536 targets cost 7 MiB and,
// there, two seconds. Linux 6.8 and later refuse more than 1,048,576; earlier kernels have no such
// limit.
inline constexpr size_t kMaxDmTargets = 65536;

// The targets of the whole disk, in order and without gaps; neighbours that continue each other are
// joined. A sector of which a file has only the first bytes is unreadable, since the loop driver
// shows whole sectors. ErrorKind::failed when the disk needs more than `limit` targets, or when a
// raw base ends inside a sector, which no target can express.
[[nodiscard]] Result<std::vector<DmTarget>> make_dm_table(const Disk& disk,
                                                          size_t limit = kMaxDmTargets);

}  // namespace ploopu
