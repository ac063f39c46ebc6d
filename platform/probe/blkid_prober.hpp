// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the port Prober (core/volume/partitions.hpp): finds partition tables and file systems
// with libblkid.
#pragma once

#include "core/volume/partitions.hpp"

namespace ploopu {

// libblkid reads from a file descriptor only, and the disk may have no device. So it gets a sparse
// memory file as large as the disk, into which the places of tables and superblocks are copied
// through DiskView::read. The search runs confined (core/confine/confined.hpp).
class BlkidProber final : public Prober {
 public:
  [[nodiscard]] Result<DiskLayout> probe(const DiskView& disk) const override;
};

}  // namespace ploopu
