// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/probe/ext_metadata.hpp"

#include <algorithm>
#include <utility>

namespace ploopu {
namespace {

class MetadataSearch {
 public:
  MetadataSearch(ext2_filsys fs, const Partition& partition, LostRanges& lost)
      : fs_(fs), partition_(partition), lost_(lost) {}

  void look_at(dgrp_t group) {
    blk64_t super = 0, old_descriptors = 0, new_descriptors = 0;
    blk_t used = 0;
    ext2fs_super_and_bgd_loc2(fs_, group, &super, &old_descriptors, &new_descriptors, &used);
    if (super != 0 || group == 0) {
      add(group == 0 ? "superblock" : "copy of the superblock", super, 1);
    }
    // Blocks that are reserved for more descriptors belong to inode 7 and count as descriptors.
    const uint64_t blocks = ext2fs_has_feature_meta_bg(fs_->super)
                                ? std::min<uint64_t>(fs_->super->s_first_meta_bg, fs_->desc_blocks)
                                : uint64_t{fs_->desc_blocks} + fs_->super->s_reserved_gdt_blocks;
    const char* descriptors = group == 0 ? "group descriptors" : "copy of the group descriptors";
    if (old_descriptors != 0) add(descriptors, old_descriptors, blocks);
    if (new_descriptors != 0) add(descriptors, new_descriptors, 1);
    add("block bitmap", ext2fs_block_bitmap_loc(fs_, group), 1);
    add("inode bitmap", ext2fs_inode_bitmap_loc(fs_, group), 1);
    const blk64_t table = ext2fs_inode_table_loc(fs_, group);
    add("inode table", table, fs_->inode_blocks_per_group);
    add_inodes(group, table);
  }

  ExtMetadataLosses result() {
    join_neighbours();
    return std::move(found_);
  }

 private:
  void add(const char* what, blk64_t first, uint64_t blocks) {
    if (!is_block(fs_, first)) return;
    const uint64_t start = position_in_disk(fs_, partition_, first);
    lost_.for_each_in(start, blocks * fs_->blocksize, [&](DiskRange range) {
      found_.claimed_bytes += range.length;
      if (found_.pieces.size() < kMaxListed) {
        found_.pieces.push_back({partition_.number, what, range});
      } else {
        ++found_.not_listed;
      }
    });
  }

  // Adds all inodes of a block that is lost in part, because libext2fs reads whole blocks.
  void add_inodes(dgrp_t group, blk64_t table) {
    if (!is_block(fs_, table)) return;
    const uint64_t start = position_in_disk(fs_, partition_, table);
    const uint64_t inode_size = EXT2_INODE_SIZE(fs_->super);
    const uint64_t inodes = EXT2_INODES_PER_GROUP(fs_->super);
    lost_.for_each_in(
        start, uint64_t{fs_->inode_blocks_per_group} * fs_->blocksize, [&](DiskRange range) {
          const uint64_t from = (range.start - start) / fs_->blocksize * fs_->blocksize;
          const uint64_t to = range.start - start + range.length + fs_->blocksize - 1;
          const uint64_t first = from / inode_size;
          const uint64_t last = std::min(to / fs_->blocksize * fs_->blocksize / inode_size, inodes);
          if (first >= last) return;
          const uint64_t base = group * inodes + 1;
          found_.inodes.push_back({static_cast<uint32_t>(base + first),
                                   static_cast<uint32_t>(base + last - 1),
                                   start + first * inode_size});
        });
  }

  // Joins neighbouring pieces, such as the bitmaps of neighbouring groups.
  void join_neighbours() {
    auto& list = found_.pieces;
    std::sort(list.begin(), list.end(), [](const LostMetadata& a, const LostMetadata& b) {
      return a.lost.start < b.lost.start;
    });
    std::vector<LostMetadata> joined;
    for (auto& item : list) {
      if (!joined.empty() && joined.back().what == item.what &&
          joined.back().lost.start + joined.back().lost.length == item.lost.start) {
        joined.back().lost.length += item.lost.length;
      } else {
        joined.push_back(std::move(item));
      }
    }
    list = std::move(joined);
  }

  ext2_filsys fs_;
  const Partition& partition_;
  LostRanges& lost_;
  ExtMetadataLosses found_;
};

}  // namespace

ExtMetadataLosses find_lost_metadata(ext2_filsys fs, const Partition& partition, LostRanges& lost,
                                     WorkLimit& limit) {
  MetadataSearch search(fs, partition, lost);
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
    if (!limit.spend(sizeof(ext4_group_desc))) break;
    search.look_at(group);
  }
  return search.result();
}

}  // namespace ploopu
