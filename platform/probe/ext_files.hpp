// SPDX-License-Identifier: GPL-2.0-or-later
// Files on ext2, ext3 and ext4, by libext2fs, which reads the disk through Disk::read: it needs no
// device and no privilege, and what is lost is EIO for it.
#pragma once

#include "core/check/lost_files.hpp"

namespace ploopu {

class ExtFileFinder final : public FileFinder {
 public:
  [[nodiscard]] Result<LostFiles> find(const Disk& disk, const Partition& partition,
                                       std::span<const DiskRange> lost) const override;
};

}  // namespace ploopu
