// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

#include "core/files/data_sink.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// Carries data from files to a socket or to FUSE without a copy of it in our memory: a pipe that
// refers to pages of the page cache (splice(2)).
// A file that is cut while its pages are here may have them zeroed, as it may under a plain read.
class PagePipe final : public DataSink {
 public:
  // `capacity` in bytes is a wish; the kernel may give less. Without any, all calls fail with
  // ENOSPC.
  explicit PagePipe(size_t capacity);

  // ENOSPC when the pipe is full, and where a file's file system can't do that.
  [[nodiscard]] int add_zeros(uint64_t length) override;
  [[nodiscard]] int add_data(const ImageFile& file, uint64_t offset, uint64_t length) override;

  [[nodiscard]] int read_end() const { return read_end_.get(); }

  // Moves everything to `descriptor`, which blocks. False when that fails, and then the rest is
  // still here.
  [[nodiscard]] bool move_to(int descriptor);
  // Empties it, whether or not somebody took something from read_end().
  void drop();

 private:
  UniqueFd read_end_;
  UniqueFd write_end_;
  UniqueFd nowhere_;  // /dev/null
  size_t size_ = 0;   // bytes in it, but for what others took
};

}  // namespace ploopu
