// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

namespace ploopu {

// Bytes of a sector. Ploop headers, descriptors and Linux count disks in sectors of this size,
// whatever the hardware uses.
inline constexpr uint64_t kSectorSize = 512;

}  // namespace ploopu
