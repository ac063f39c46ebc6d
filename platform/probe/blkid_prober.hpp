// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/volume/partitions.hpp"

namespace ploopu {

// Partition tables and file systems by libblkid. It can only read from a file descriptor, and
// there may be no device; so it is shown a sparse memory file as large as the disk, into which the
// places where tables and superblocks live are copied through DiskView::read.
class BlkidProber final : public Prober {
 public:
  [[nodiscard]] Result<DiskLayout> probe(const DiskView& disk) const override;
};

}  // namespace ploopu
