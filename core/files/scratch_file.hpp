// SPDX-License-Identifier: GPL-2.0-or-later
// The port to the file in which an overlay keeps what was written. Implemented by
// platform/scratch_file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/files/file_system.hpp"

namespace ploopu {

// A sparse file. Calls return 0 or an errno value, and may run at once.
class ScratchFile : public ImageFile {
 public:
  [[nodiscard]] virtual int write(uint64_t offset, std::span<const std::byte> data) const = 0;
  // Gives the room of the range back: zeros are read there afterwards.
  [[nodiscard]] virtual int punch(uint64_t offset, uint64_t length) const = 0;
  // Takes room for the range, so that writing there doesn't fail later for want of it. Where the
  // file system can't do that, it does nothing.
  [[nodiscard]] virtual int reserve(uint64_t offset, uint64_t length) const = 0;
  // Returns when all that was written is on the disk.
  [[nodiscard]] virtual int sync() const = 0;
};

}  // namespace ploopu
