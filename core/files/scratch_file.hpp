// SPDX-License-Identifier: GPL-2.0-or-later
// The port to the file in which an overlay stores writes. Implemented by
// platform/files/posix_scratch_file.
//
//     const int error = scratch.write(offset, data);  // 0 or an errno value
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/files/file_system.hpp"

namespace ploopu {

// A sparse file. Each call returns 0 or an errno value. Thread-safe. Offsets and lengths are bytes.
class ScratchFile : public ImageFile {
 public:
  [[nodiscard]] virtual int write(uint64_t offset, std::span<const std::byte> data) const = 0;
  // Frees the space of the range, which reads as zeros afterwards.
  [[nodiscard]] virtual int punch(uint64_t offset, uint64_t length) const = 0;
  // Reserves space for the range, so that a later write there can't fail with ENOSPC. Does nothing,
  // and returns 0, where the file system can't reserve.
  [[nodiscard]] virtual int reserve(uint64_t offset, uint64_t length) const = 0;
  // Returns when all writes are on stable storage.
  [[nodiscard]] virtual int sync() const = 0;
};

}  // namespace ploopu
