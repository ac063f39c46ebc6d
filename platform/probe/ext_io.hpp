// SPDX-License-Identifier: GPL-2.0-or-later
// A partition of a disk as libext2fs opens it: read-only, and for a limited amount of work.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <ext2fs/ext2fs.h>

#include "core/base/result.hpp"
#include "core/disk/disk.hpp"
#include "core/volume/partitions.hpp"

namespace ploopu {

// How much may be read and looked at, in bytes: a file system that leads in circles would be read
// for ever. A sound one takes a few percent of the bytes that its image has.
class WorkLimit {
 public:
  explicit WorkLimit(const Disk& disk);

  // False when nothing is left, and from then on.
  [[nodiscard]] bool spend(uint64_t bytes) {
    left_ = bytes < left_ ? left_ - bytes : 0;
    return left_ > 0;
  }
  [[nodiscard]] bool exhausted() const { return left_ == 0; }

 private:
  uint64_t left_ = 0;
};

struct CloseExt {
  void operator()(ext2_filsys fs) const { ext2fs_free(fs); }
};
using ExtFileSystem = std::unique_ptr<struct_ext2_filsys, CloseExt>;

struct OpenedExt {
  ExtFileSystem fs;
  std::string note;  // when a copy of the superblock had to be taken
};

// By its superblock or, where that or the group descriptors can't be read, by a copy of them.
// `disk`, `partition` and `limit` must outlive the result.
[[nodiscard]] Result<OpenedExt> open_ext(const Disk& disk, const Partition& partition,
                                         WorkLimit& limit);

}  // namespace ploopu
