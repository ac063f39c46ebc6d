// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the ext file system on a partition with libext2fs, read-only and for a limited amount of
// work:
//
//   WorkLimit limit(disk);
//   PLOOPU_TRY(const auto opened, open_ext(disk, partition, limit));
//   ... ext2fs functions on opened.fs.get() ...
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <ext2fs/ext2fs.h>

#include "core/base/result.hpp"
#include "core/disk/disk.hpp"
#include "core/volume/partitions.hpp"

namespace ploopu {

// Limits the bytes that a search reads and looks at: a file system that leads in circles has no
// end. The search of a sound file system takes a few percent of the bytes that the image has.
class WorkLimit {
 public:
  explicit WorkLimit(const Disk& disk);

  // Takes `bytes` from the limit. Returns false once the limit is exhausted.
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
  std::string note;  // says which copy of the superblock was used; empty for the superblock itself
};

// Opens the file system by its superblock or, if that or the group descriptors can't be used, by a
// copy. `disk`, `partition` and `limit` must outlive the result. ErrorKind::damaged if no copy can
// be used.
[[nodiscard]] Result<OpenedExt> open_ext(const Disk& disk, const Partition& partition,
                                         WorkLimit& limit);

}  // namespace ploopu
