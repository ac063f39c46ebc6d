// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the port FileFinder (core/check/lost_files.hpp) for ext2, ext3 and ext4 with
// libext2fs, which reads the disk through Disk::read. It needs no device and no privilege, and gets
// EIO for bytes that are lost. The search runs confined (core/confine/confined.hpp).
#pragma once

#include "core/check/lost_files.hpp"

namespace ploopu {

class ExtFileFinder final : public FileFinder {
 public:
  [[nodiscard]] Result<LostFiles> find(const Disk& disk, const Partition& partition,
                                       std::span<const DiskRange> lost) const override;
};

}  // namespace ploopu
