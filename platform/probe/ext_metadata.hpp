// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the lost bytes among the metadata that an ext file system keeps at fixed places:
// superblocks, group descriptors, bitmaps and inode tables.
//
//   LostRanges ranges(lost);
//   const auto losses = find_lost_metadata(opened.fs.get(), partition, ranges, limit);
#pragma once

#include <cstdint>
#include <vector>

#include <ext2fs/ext2fs.h>

#include "core/check/lost_files.hpp"
#include "core/volume/partitions.hpp"
#include "platform/probe/ext_io.hpp"
#include "platform/probe/lost_ranges.hpp"

namespace ploopu {

// A range of inodes that can't be read, next to each other in an inode table.
struct LostInodes {
  uint32_t first = 0;
  uint32_t last = 0;      // inclusive
  uint64_t position = 0;  // disk byte at which the first inode begins
};

struct ExtMetadataLosses {
  std::vector<LostMetadata> pieces;  // ascending, at most kMaxListed
  std::vector<LostInodes> inodes;    // ascending
  uint64_t claimed_bytes = 0;        // lost bytes of metadata, listed or not
  uint64_t not_listed = 0;           // pieces beyond kMaxListed
};

// Looks at all block groups. The result is incomplete if `limit` is exhausted afterwards.
[[nodiscard]] ExtMetadataLosses find_lost_metadata(ext2_filsys fs, const Partition& partition,
                                                   LostRanges& lost, WorkLimit& limit);

// The disk byte at which a block of the file system begins.
[[nodiscard]] inline uint64_t position_in_disk(ext2_filsys fs, const Partition& partition,
                                               blk64_t block) {
  return partition.start + block * fs->blocksize;
}

// True if the file system has a block with this number.
[[nodiscard]] inline bool is_block(ext2_filsys fs, blk64_t block) {
  return block < ext2fs_blocks_count(fs->super);
}

}  // namespace ploopu
