// SPDX-License-Identifier: GPL-2.0-or-later
// Where a disk's GUID partition table lies, and which of its two copies can be believed. What the
// partitions are is left to libblkid (platform/probe/blkid_prober); it must be told the unit, and a
// hostile header makes it read gigabytes.
// Sources: UEFI specification 2.10 section 5.3; libploop lib/gpt.c for units and "XXX PART".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/disk/disk_view.hpp"

namespace ploopu {

// A copy of the table: a header and the array of entries that it points to.
struct GptCopy {
  uint64_t offset = 0;   // bytes from the start of the disk to the header
  bool present = false;  // the header has the signature, or "XXX PART"
  // "XXX PART": libploop was about to write the table anew in another unit. Nothing but the
  // signature is different: the checksum is the one of a header with the right signature.
  bool under_conversion = false;
  std::string fault;  // why a present copy can't be believed; empty for a sound copy
  // The next three are in bytes, and have a meaning only for a sound copy.
  uint64_t entries_offset = 0;
  uint64_t entries_size = 0;  // at most kMaxGptEntries
  uint64_t disk_size = 0;     // size of the disk that the table was made for

  [[nodiscard]] bool is_sound() const { return present && fault.empty(); }
};

// Bytes of 8192 entries; 128 entries are usual.
constexpr uint64_t kMaxGptEntries = uint64_t{1} << 20;

struct Gpt {
  uint32_t unit = 0;  // bytes of its logical block: 512, 1024, 2048 or 4096
  GptCopy primary;    // in block 1
  GptCopy backup;     // in the last block
  // Without a protective MBR, the kernel and libblkid take the table for a remnant.
  bool has_protective_mbr = false;
  // Another unit in which the disk has a sound primary copy, too; 0 when there is none.
  uint32_t other_unit = 0;
};

// Finds the table, whose place tells the unit. Among several tables, a sound primary
// copy that is not under conversion wins, then a sound primary copy under conversion, then a sound
// backup; among equals the smallest unit. Reads at most 8 MiB of
// the disk. Nothing when no copy is present.
[[nodiscard]] std::optional<Gpt> find_gpt(const DiskView& disk);

// A warning about a table that is used; empty when all is well. `disk_size` is in bytes.
[[nodiscard]] std::string warning_of_used(const Gpt& gpt, uint64_t disk_size);

// Why a table is not used.
[[nodiscard]] std::string warning_of_unused(const Gpt& gpt);

}  // namespace ploopu
