// SPDX-License-Identifier: GPL-2.0-or-later
// Where a disk's GUID partition table lies, and which of its two copies can be believed. What the
// partitions are is left to libblkid (platform/blkid_prober); it must be told the unit, and a
// hostile header makes it read gigabytes.
// Sources: UEFI specification 2.10 section 5.3; libploop lib/gpt.c for units and "XXX PART".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/disk/disk_view.hpp"

namespace ploopu {

// One copy: a header and the array of entries that it points to.
struct GptCopy {
  uint64_t offset = 0;   // of the header; bytes
  bool present = false;  // one of the signatures is there
  // "XXX PART": libploop was about to write the table anew in another unit. Nothing but the
  // signature is different: the checksum is the one of a header with the right signature.
  bool under_conversion = false;
  std::string fault;            // of one that is present: why it can't be believed
  uint64_t entries_offset = 0;  // bytes; of a sound copy
  uint64_t entries_size = 0;    // bytes; of a sound copy, at most kMaxGptEntries
  uint64_t disk_size = 0;       // bytes of the disk that it was made for; of a sound copy

  [[nodiscard]] bool is_sound() const { return present && fault.empty(); }
};

// 8192 entries, where 128 are usual.
constexpr uint64_t kMaxGptEntries = uint64_t{1} << 20;

struct Gpt {
  uint32_t unit = 0;  // bytes of its logical block: 512, 1024, 2048 or 4096
  GptCopy primary;    // in block 1
  GptCopy backup;     // in the last block
  // Without it neither the kernel nor libblkid takes it for more than a remnant.
  bool has_protective_mbr = false;
  // Another unit in which the disk has a sound primary copy, too; 0 when there is none.
  uint32_t other_unit = 0;
};

// The copy's place tells the unit. Of several, a sound primary one wins, then one under
// conversion, then a sound backup, then the smallest unit. Reads at most 8 MiB of the disk.
[[nodiscard]] std::optional<Gpt> find_gpt(const DiskView& disk);

// What the user should know of a table that is used; empty when all is well.
[[nodiscard]] std::string warning_of_used(const Gpt& gpt, uint64_t disk_size);

// Why a table is not used.
[[nodiscard]] std::string warning_of_unused(const Gpt& gpt);

}  // namespace ploopu
