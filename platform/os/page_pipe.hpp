// SPDX-License-Identifier: GPL-2.0-or-later
// Carries data from files to a socket or to FUSE without a copy of it in our memory:
//
//   PagePipe pipe(1 << 20);
//   if (view.deliver(offset, length, pipe) == 0 && pipe.move_to(socket)) return;
//   pipe.drop();  // and send the data by read and write
#pragma once

#include <cstddef>

#include "core/files/data_sink.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// A pipe that refers to pages of the page cache (splice(2)). If a file is truncated while its pages
// are in the pipe, their contents may become zeros; a plain read has the same race.
class PagePipe final : public DataSink {
 public:
  // Asks the kernel for `capacity` bytes; it may give less. If there is no pipe at all, add_zeros()
  // and add_data() fail with ENOSPC.
  explicit PagePipe(size_t capacity);

  // Both fail with ENOSPC if the pipe is full, and add_data() also if the file system of the file
  // doesn't support splice. Neither waits for room.
  [[nodiscard]] int add_zeros(uint64_t length) override;
  [[nodiscard]] int add_data(const ImageFile& file, uint64_t offset, uint64_t length) override;

  [[nodiscard]] int read_end() const { return read_end_.get(); }

  // Moves everything to `descriptor`, which must be in blocking mode. Returns false after an error;
  // the rest is still in the pipe then.
  [[nodiscard]] bool move_to(int descriptor);
  // Empties the pipe, whether or not somebody else took data from read_end().
  void drop();

 private:
  UniqueFd read_end_;
  UniqueFd write_end_;
  UniqueFd nowhere_;  // /dev/null
  size_t size_ = 0;   // bytes that were put in and not yet taken out by this object
};

}  // namespace ploopu
