// SPDX-License-Identifier: GPL-2.0-or-later
// What an ext file system keeps at fixed places, and which of these bytes are lost: superblocks,
// group descriptors, bitmaps and inode tables.
#pragma once

#include <cstdint>
#include <vector>

#include <ext2fs/ext2fs.h>

#include "core/check/lost_files.hpp"
#include "core/volume/partitions.hpp"
#include "platform/probe/ext_io.hpp"
#include "platform/probe/lost_ranges.hpp"

namespace ploopu {

// Inodes that can't be read, in one piece of the inode table.
struct LostInodes {
  uint32_t first = 0;
  uint32_t last = 0;
  uint64_t position = 0;  // disk byte of the first
};

struct ExtMetadataLosses {
  std::vector<LostMetadata> pieces;  // ascending, at most kMaxListed
  std::vector<LostInodes> inodes;    // ascending
  uint64_t claimed_bytes = 0;        // lost bytes that are metadata, listed or not
  uint64_t not_listed = 0;           // pieces beyond kMaxListed
};

// Incomplete when `limit` is exhausted.
[[nodiscard]] ExtMetadataLosses find_lost_metadata(ext2_filsys fs, const Partition& partition,
                                                   LostRanges& lost, WorkLimit& limit);

// The disk byte at which a block of the file system begins.
[[nodiscard]] inline uint64_t position_in_disk(ext2_filsys fs, const Partition& partition,
                                               blk64_t block) {
  return partition.start + block * fs->blocksize;
}

[[nodiscard]] inline bool is_block(ext2_filsys fs, blk64_t block) {
  return block < ext2fs_blocks_count(fs->super);
}

}  // namespace ploopu
