// SPDX-License-Identifier: GPL-2.0-or-later
// The owner of an image can change its files between a check and the moment when a kernel believes
// what was checked. Hence the sectors that are checked are read once, and are served from memory as
// long as the disk is attached:
//
//     PLOOPU_CHECK(hold_checked_sectors(files, layout, disk));
//     PLOOPU_TRY(const auto checked, prober.probe(disk));
//     PLOOPU_CHECK(check_same_layout(layout, checked, disk.name()));
#pragma once

#include "core/base/result.hpp"
#include "core/disk/disk.hpp"
#include "core/files/file_system.hpp"
#include "core/volume/partitions.hpp"

namespace ploopu {

// Holds both ends of the disk, where partition tables lie, and the first 4 KiB of each partition of
// `layout`, where superblocks lie: at most some 200 KiB. Blocks of 4 KiB that no file has, or
// that can't be read, stay as they are.
[[nodiscard]] Result<void> hold_checked_sectors(const FileSystem& files, const DiskLayout& layout,
                                                Disk& disk);

// ErrorKind::busy where the partitions differ: then the image changed between two looks.
[[nodiscard]] Result<void> check_same_layout(const DiskLayout& before, const DiskLayout& now,
                                             const std::string& name);

}  // namespace ploopu
