// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "core/files/file_system.hpp"

namespace ploopu {

// The port through which DiskView::deliver() hands a range of the disk on, piece by piece in order,
// so that a server can splice from the files. Each call returns 0, or an errno value that ends the
// delivery: EIO when the file doesn't have all of the bytes, or an error of the sink. Lengths and
// offsets are bytes. The sink doesn't keep `file` longer than the caller keeps the disk.
//
//     PagePipe pipe(1 << 20);  // an implementation, in platform
//     const int error = view.deliver(offset, length, pipe);
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
