// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/probe/ext_files.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/confine/confined.hpp"
#include "platform/probe/ext_io.hpp"
#include "platform/probe/ext_metadata.hpp"
#include "platform/probe/lost_ranges.hpp"

namespace ploopu {
namespace {

std::string about(const Partition& partition, const std::string& text) {
  return partition.number == 0
             ? fmt::format("file system of the whole disk: {}", text)
             : fmt::format("file system of partition {}: {}", partition.number, text);
}

class Search {
 public:
  Search(const Disk& disk, const Partition& partition, std::span<const DiskRange> lost,
         ext2_filsys fs, WorkLimit& limit)
      : disk_(disk), partition_(partition), lost_(lost), fs_(fs), limit_(limit) {
    for (const auto& range : lost) lost_bytes_ += range.length;
  }

  LostFiles run() {
    ExtMetadataLosses metadata = find_lost_metadata(fs_, partition_, lost_, limit_);
    found_.metadata = std::move(metadata.pieces);
    lost_inodes_ = std::move(metadata.inodes);
    claimed_bytes_ = metadata.claimed_bytes;
    not_listed_ = metadata.not_listed;
    for (dgrp_t group = 0; group < fs_->group_desc_count; ++group) find_owners(group);
    if (!runs_.empty() || !lost_inodes_.empty()) find_names();
    report();
    return std::move(found_);
  }

 private:
  // A lost range of a file.
  struct Run {
    uint32_t inode = 0;
    const char* part = nullptr;
    DiskRange lost;
  };

  [[nodiscard]] uint64_t position_of(blk64_t block) const {
    return position_in_disk(fs_, partition_, block);
  }
  [[nodiscard]] bool exists(blk64_t block) const { return is_block(fs_, block); }

  [[nodiscard]] const LostInodes* lost_piece_of(uint32_t inode) const {
    const auto at =
        std::partition_point(lost_inodes_.begin(), lost_inodes_.end(),
                             [&](const LostInodes& piece) { return piece.last < inode; });
    return at != lost_inodes_.end() && at->first <= inode ? &*at : nullptr;
  }

  // Finds the files of a group that have lost blocks, and all its directories.
  void find_owners(dgrp_t group) {
    const uint32_t inodes = EXT2_INODES_PER_GROUP(fs_->super);
    uint32_t used = inodes;
    if (ext2fs_has_group_desc_csum(fs_)) {
      if (ext2fs_bg_flags_test(fs_, group, EXT2_BG_INODE_UNINIT) != 0) return;
      used -= std::min(inodes, ext2fs_bg_itable_unused(fs_, group));
    }
    if (is_empty_table(group)) return;
    const uint64_t first = uint64_t{group} * inodes + 1;
    for (uint64_t inode = first; inode < first + used && inode <= fs_->super->s_inodes_count;
         ++inode) {
      if (!limit_.spend(EXT2_GOOD_OLD_INODE_SIZE)) return;
      look_at(static_cast<uint32_t>(inode));
    }
  }

  // True if the inode table of the group was never written to. A large file system has many such
  // groups.
  [[nodiscard]] bool is_empty_table(dgrp_t group) const {
    const uint64_t start = position_of(ext2fs_inode_table_loc(fs_, group));
    const uint64_t bytes = uint64_t{fs_->inode_blocks_per_group} * fs_->blocksize;
    if (start >= disk_.size()) return true;
    const Extent extent = disk_.extent_at(start, bytes);
    return extent.kind == ExtentKind::zero && extent.length == bytes;
  }

  void look_at(uint32_t number) {
    ext2_inode inode = {};
    if (number == EXT2_RESIZE_INO || lost_piece_of(number) != nullptr) return;
    if (ext2fs_read_inode(fs_, number, &inode) != 0) {
      incomplete_ = true;
      return;
    }
    const bool is_reserved = number < EXT2_FIRST_INODE(fs_->super);
    if (inode.i_links_count == 0 && !is_reserved) return;  // deleted, or never used
    if (LINUX_S_ISDIR(inode.i_mode)) directories_.push_back(number);
    if (const blk64_t block = ext2fs_file_acl_block(fs_, &inode); block != 0 && exists(block)) {
      add_run(number, "attributes", block);
    }
    if (ext2fs_inode_has_valid_blocks2(fs_, &inode) == 0) return;
    current_ = number;
    current_part_ = LINUX_S_ISDIR(inode.i_mode) ? "directory" : "data";
    const errcode_t error =
        ext2fs_block_iterate3(fs_, number, BLOCK_FLAG_READ_ONLY, nullptr, visit_block, this);
    // If the error is a lost block of the block map, visit_block() has noted that block already.
    if (error != 0 && error != EXT2_ET_INLINE_DATA_CANT_ITERATE) incomplete_ = true;
  }

  // NOLINTNEXTLINE(readability-non-const-parameter): as libext2fs calls it
  static int visit_block(ext2_filsys /*fs*/, blk64_t* block, e2_blkcnt_t count,
                         blk64_t /*ref_block*/, int /*ref_offset*/, void* self) {
    auto& search = *static_cast<Search*>(self);
    constexpr uint64_t kCost = 16;
    if (!search.limit_.spend(kCost)) return BLOCK_ABORT;
    if (search.exists(*block)) {
      search.add_run(search.current_, count < 0 ? "block map" : search.current_part_, *block);
    }
    return 0;
  }

  void add_run(uint32_t inode, const char* part, blk64_t block) {
    lost_.for_each_in(position_of(block), fs_->blocksize, [&](DiskRange range) {
      claimed_bytes_ += range.length;
      if (!runs_.empty() && runs_.back().inode == inode && runs_.back().part == part &&
          runs_.back().lost.start + runs_.back().lost.length == range.start) {
        runs_.back().lost.length += range.length;
      } else if (runs_.size() < kMaxListed) {
        runs_.push_back({inode, part, range});
      } else {
        ++not_listed_;
      }
    });
  }

  void find_names() {
    for (const auto& run : runs_) wanted_.insert(run.inode);
    for (const uint32_t directory : directories_) {
      if (limit_.exhausted()) return;
      if (ext2fs_dir_iterate2(fs_, directory, 0, nullptr, visit_entry, this) != 0) {
        incomplete_names_ = true;
      }
    }
  }

  static int visit_entry(ext2_ino_t directory, int entry, ext2_dir_entry* dirent, int /*offset*/,
                         int /*block_size*/, char* /*buffer*/, void* self) {
    auto& search = *static_cast<Search*>(self);
    if (!search.limit_.spend(sizeof(ext2_dir_entry) / 8)) return DIRENT_ABORT;
    if (entry != DIRENT_OTHER_FILE) return 0;  // "." and ".."
    const std::string name(dirent->name, static_cast<size_t>(ext2fs_dirent_name_len(dirent)));
    if (search.wanted_.contains(dirent->inode)) {
      if (search.names_.size() < kMaxListed) {
        search.names_.emplace(dirent->inode, std::pair(directory, name));
      }
    } else if (const LostInodes* piece = search.lost_piece_of(dirent->inode)) {
      search.add_lost_inode(dirent->inode, *piece, directory, name);
    }
    return 0;
  }

  void add_lost_inode(uint32_t inode, const LostInodes& piece, uint32_t directory,
                      const std::string& name) {
    if (found_.files.size() >= kMaxListed) {
      ++not_listed_;
      return;
    }
    const uint64_t size = EXT2_INODE_SIZE(fs_->super);
    found_.files.push_back({partition_.number,
                            path_below(directory, name),
                            inode,
                            "inode",
                            {piece.position + (inode - piece.first) * size, size}});
  }

  // Returns the path of an entry. The path begins with "..." if a directory above can't be read, or
  // after 32 levels, where libext2fs gives up.
  std::string path_below(uint32_t directory, const std::string& name) {
    auto [path, is_new] = paths_.try_emplace(directory);
    if (is_new) {
      char* text = nullptr;
      const bool is_known = ext2fs_get_pathname(fs_, directory, 0, &text) == 0;
      path->second = is_known ? text : "...";
      if (is_known) ext2fs_free_mem(&text);
      if (path->second == "/") path->second.clear();
    }
    return path->second + "/" + name;
  }

  // Names inodes that no directory has; empty for all others.
  [[nodiscard]] std::string name_of_reserved(uint32_t inode) const {
    if (inode == EXT2_ROOT_INO) return "/";
    if (inode == fs_->super->s_journal_inum) return "(journal)";
    if (inode < EXT2_FIRST_INODE(fs_->super)) return "(reserved)";
    return {};
  }

  void report() {
    for (const auto& run : runs_) {
      const auto [first, last] = names_.equal_range(run.inode);
      if (first == last) {
        add_file(run, name_of_reserved(run.inode));
      }
      for (auto name = first; name != last; ++name) {
        add_file(run, path_below(name->second.first, name->second.second));
      }
    }
    found_.unclaimed_bytes = lost_bytes_ - std::min(lost_bytes_, claimed_bytes_);
    if (limit_.exhausted()) {
      note("it has loops or is damaged: the search was stopped, files may be missing");
    } else if (incomplete_ || !lost_inodes_.empty()) {
      note("not all inodes and block maps can be read: files may be missing");
    } else if (incomplete_names_) {
      note("not all directories can be read: names may be missing");
    }
    if (not_listed_ > 0) note(fmt::format("{} more lost pieces are not listed", not_listed_));
  }

  void add_file(const Run& run, const std::string& path) {
    if (found_.files.size() < kMaxListed) {
      found_.files.push_back({partition_.number, path, run.inode, run.part, run.lost});
    } else {
      ++not_listed_;
    }
  }

  void note(const std::string& text) { found_.notes.push_back(about(partition_, text)); }

  const Disk& disk_;
  const Partition& partition_;
  LostRanges lost_;
  ext2_filsys fs_;
  WorkLimit& limit_;
  LostFiles found_;
  uint64_t lost_bytes_ = 0;
  uint64_t claimed_bytes_ = 0;
  uint64_t not_listed_ = 0;
  bool incomplete_ = false;
  bool incomplete_names_ = false;
  uint32_t current_ = 0;  // inode whose blocks are being visited
  const char* current_part_ = nullptr;
  std::vector<Run> runs_;                // at most kMaxListed
  std::vector<LostInodes> lost_inodes_;  // ascending
  std::vector<uint32_t> directories_;
  std::set<uint32_t> wanted_;
  std::multimap<uint32_t, std::pair<uint32_t, std::string>> names_;  // inode: directory, name
  std::map<uint32_t, std::string> paths_;                            // directory inode: its path
};

Result<LostFiles> find_files(const Disk& disk, const Partition& partition,
                             std::span<const DiskRange> lost) {
  WorkLimit limit(disk);
  PLOOPU_TRY(const auto opened, open_ext(disk, partition, limit));
  auto found = Search(disk, partition, lost, opened.fs.get(), limit).run();
  if (!opened.note.empty()) {
    found.notes.insert(found.notes.begin(), about(partition, opened.note));
  }
  return found;
}

}  // namespace

Result<LostFiles> ExtFileFinder::find(const Disk& disk, const Partition& partition,
                                      std::span<const DiskRange> lost) const {
  return confined<LostFiles>({disk.name(), WorkSize::searching, disk.file_descriptors()},
                             [&] { return find_files(disk, partition, lost); });
}

}  // namespace ploopu
