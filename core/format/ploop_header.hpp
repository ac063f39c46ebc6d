// SPDX-License-Identifier: GPL-2.0-or-later
// The 64 bytes at the start of a ploop file. Source: docs/FORMAT.md#the-header, from libploop's
// ploop1_image.h and QEMU's docs/interop/parallels.txt. All integers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/result.hpp"
#include "core/base/units.hpp"

namespace ploopu {

inline constexpr size_t kPloopHeaderSize = 64;

// The largest cluster that any ploop tool writes is 64 MiB (libploop, is_valid_blocksize).
inline constexpr uint32_t kMaxClusterSectors = 131072;
// Beyond these a header is taken for hostile: 256 TiB of disk, and as many clusters as a 64 TiB
// disk has at 1 MiB each (libploop stops at 50 TiB). The table in memory is 8 bytes a cluster.
inline constexpr uint64_t kMaxDiskSize = uint64_t{256} << 40;
inline constexpr uint64_t kMaxClusters = uint64_t{1} << 26;

inline constexpr uint32_t kDiskInUse = 0x746F6E59;
// "v2.1": closed by software that knows format extensions.
inline constexpr uint32_t kClosedWithExtension = 0x312e3276;

struct PloopHeader {
  int version = 0;                // 1 or 2
  uint32_t cluster_sectors = 0;   // 1..kMaxClusterSectors
  uint32_t bat_entries = 0;       // as written; may be more or fewer than the disk needs
  uint64_t disk_sectors = 0;      // at most kMaxDiskSize / kSectorSize
  uint32_t disk_in_use = 0;       // only kDiskInUse means "open, or its writer crashed"
  uint32_t data_sector = 0;       // m_FirstBlockOffset; nothing is read by it
  uint32_t flags = 0;             // m_Flags; without the one for a conversion that was cut short
  uint64_t extension_sector = 0;  // of the format extension, one cluster; 0 when there is none

  [[nodiscard]] uint64_t cluster_size() const { return cluster_sectors * kSectorSize; }
  [[nodiscard]] uint64_t disk_size() const { return disk_sectors * kSectorSize; }
  [[nodiscard]] bool in_use() const { return disk_in_use == kDiskInUse; }
  // Bits of m_Flags that mean nothing to this version. Bit 0, "empty", means nothing to anybody:
  // images full of data carry it (docs/FORMAT.md#flags).
  [[nodiscard]] uint32_t unknown_flags() const { return flags & ~uint32_t{1}; }
  // Bytes that one unit of a BAT entry stands for, counted from the start of the file.
  [[nodiscard]] uint64_t entry_unit() const { return version == 1 ? kSectorSize : cluster_size(); }
  // First byte of the file that can be data: behind the header and the table.
  [[nodiscard]] uint64_t bat_end() const { return kPloopHeaderSize + uint64_t{bat_entries} * 4; }
};

// Whether a file that begins with these bytes is meant to be a ploop image, however damaged.
[[nodiscard]] bool has_ploop_magic(std::span<const std::byte> bytes);

// Checks magic, type, limits and that the table lies within `file_size` bytes. `bytes` is the
// start of the file, as much of the first 64 bytes as it has. `name` is used in messages.
[[nodiscard]] Result<PloopHeader> parse_ploop_header(std::span<const std::byte> bytes,
                                                     uint64_t file_size, const std::string& name);

}  // namespace ploopu
