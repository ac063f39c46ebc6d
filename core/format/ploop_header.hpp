// SPDX-License-Identifier: GPL-2.0-or-later
// The 64 bytes at the start of a ploop file (docs/FORMAT.md#the-header, from libploop's
// ploop1_image.h and QEMU's docs/interop/parallels.txt). All integers are little-endian.
//
//     PLOOPU_TRY(const auto header, parse_ploop_header(bytes, file.size(), path));
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
// Limits beyond which a header is refused as hostile: a disk of 256 TiB, and the clusters of a 64
// TiB disk at 1 MiB each (libploop stops at 50 TiB). The table in memory is 8 bytes a cluster.
inline constexpr uint64_t kMaxDiskSize = uint64_t{256} << 40;
inline constexpr uint64_t kMaxClusters = uint64_t{1} << 26;

inline constexpr uint32_t kDiskInUse = 0x746F6E59;
// The bytes "v2.1": the file was closed by software that knows format extensions.
inline constexpr uint32_t kClosedWithExtension = 0x312e3276;

struct PloopHeader {
  int version = 0;                // 1 or 2
  uint32_t cluster_sectors = 0;   // 1..kMaxClusterSectors
  uint32_t bat_entries = 0;       // as written; may be more or fewer than the disk needs
  uint64_t disk_sectors = 0;      // at most kMaxDiskSize / kSectorSize
  uint32_t disk_in_use = 0;       // only kDiskInUse means "open, or its writer crashed"
  uint32_t data_sector = 0;       // m_FirstBlockOffset; only checked, not used for reads
  uint32_t flags = 0;             // m_Flags; an interrupted conversion is refused
  uint64_t extension_sector = 0;  // sector of the format extension, a cluster; 0 without one

  [[nodiscard]] uint64_t cluster_size() const { return cluster_sectors * kSectorSize; }
  [[nodiscard]] uint64_t disk_size() const { return disk_sectors * kSectorSize; }
  [[nodiscard]] bool in_use() const { return disk_in_use == kDiskInUse; }
  // Bits of m_Flags that ploopu doesn't know. Bit 0, "empty", is ignored: full images have it, too
  // (docs/FORMAT.md#flags).
  [[nodiscard]] uint32_t unknown_flags() const { return flags & ~uint32_t{1}; }
  // Bytes that one unit of a BAT entry stands for, counted from the start of the file.
  [[nodiscard]] uint64_t entry_unit() const { return version == 1 ? kSectorSize : cluster_size(); }
  // First byte of the file that can be data: after the header and the table.
  [[nodiscard]] uint64_t bat_end() const { return kPloopHeaderSize + uint64_t{bat_entries} * 4; }
};

// Whether a file with these first bytes is a ploop image, perhaps a damaged one.
[[nodiscard]] bool has_ploop_magic(std::span<const std::byte> bytes);

// Parses a header, and checks magic, type, limits and that the table is within `file_size` bytes.
// `bytes` is as much of the first 64 bytes as the file has; `name` is its path, for messages.
// ErrorKind::damaged for a faulty header, refused for a qcow2 image.
[[nodiscard]] Result<PloopHeader> parse_ploop_header(std::span<const std::byte> bytes,
                                                     uint64_t file_size, const std::string& name);

}  // namespace ploopu
