// SPDX-License-Identifier: GPL-2.0-or-later
// The superblock of ext2, ext3 and ext4 (linux fs/ext4/ext4.h), as far as mounting needs it.
#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "core/disk/disk_view.hpp"

namespace ploopu {

// Checks the ext file system in the `length` disk bytes from `start` on before a kernel mounts it.
// Returns whether its journal has changes that are not yet in place (INCOMPAT_RECOVER).
// ErrorKind::damaged where mounting could reach another device or stop the host: an external
// journal, mount options in the image, or impossible sizes.
[[nodiscard]] Result<bool> check_ext(const DiskView& disk, uint64_t start, uint64_t length);

}  // namespace ploopu
