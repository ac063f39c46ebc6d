// SPDX-License-Identifier: GPL-2.0-or-later
// The superblock of ext2, ext3 and ext4 (linux fs/ext4/ext4.h), as far as mounting needs it.
#pragma once

#include <cstdint>

#include "core/disk.hpp"
#include "core/result.hpp"

namespace ploopu {

// Whether the ext file system at disk byte `start` has changes in its journal that are not yet in
// place (INCOMPAT_RECOVER).
[[nodiscard]] Result<bool> ext_needs_recovery(const Disk& disk, uint64_t start);

}  // namespace ploopu
