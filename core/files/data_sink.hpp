// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "core/files/file_system.hpp"

namespace ploopu {

// Takes a range of the disk, piece by piece in order. Each call returns 0 or an errno value, which
// ends the delivery: EIO when the file doesn't have all of the bytes, or what a sink says of
// itself.
class DataSink {
 public:
  DataSink() = default;
  virtual ~DataSink() = default;
  DataSink(const DataSink&) = delete;
  DataSink& operator=(const DataSink&) = delete;

  [[nodiscard]] virtual int add_zeros(uint64_t length) = 0;
  [[nodiscard]] virtual int add_data(const ImageFile& file, uint64_t offset, uint64_t length) = 0;
};

}  // namespace ploopu
