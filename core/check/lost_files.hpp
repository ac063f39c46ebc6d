// SPDX-License-Identifier: GPL-2.0-or-later
// Whose bytes are lost: which files and which metadata of the file systems on a disk lie where the
// disk can't be read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/check/check.hpp"
#include "core/disk/disk.hpp"
#include "core/volume/partitions.hpp"

namespace ploopu {

struct LostFile {
  uint32_t partition = 0;  // its number; 0 for the whole disk
  std::string path;        // bytes, as the file system has it; empty when no directory names it
  uint32_t inode = 0;
  std::string part;  // what is lost of it: "data", "directory", "block map", "attributes", "inode"
  DiskRange lost;
};

struct LostMetadata {
  uint32_t partition = 0;
  std::string what;  // "superblock", "group descriptors", "inode table"...
  DiskRange lost;
};

struct LostFiles {
  std::vector<LostFile> files;         // at most kMaxListed in a file system, as they were found
  std::vector<LostMetadata> metadata;  // likewise
  // Bytes of the ranges for which neither was found: free, where the lists are complete.
  uint64_t unclaimed_bytes = 0;
  std::vector<std::string> notes;  // what couldn't be looked at, or from where it was taken
};

template <class Codec>
void fields(Codec& codec, LostFile& file) {
  codec(file.partition, file.path, file.inode, file.part, file.lost);
}
template <class Codec>
void fields(Codec& codec, LostMetadata& metadata) {
  codec(metadata.partition, metadata.what, metadata.lost);
}
template <class Codec>
void fields(Codec& codec, LostFiles& files) {
  codec(files.files, files.metadata, files.unclaimed_bytes, files.notes);
}

// Implemented by platform/probe/ext_files for ext2, ext3 and ext4.
class FileFinder {
 public:
  FileFinder() = default;
  virtual ~FileFinder() = default;
  FileFinder(const FileFinder&) = delete;
  FileFinder& operator=(const FileFinder&) = delete;

  // `lost` ascends and lies within the partition. An error when the file system can't be opened;
  // a list that is not complete has a note. Sees the disk through Disk::read. The work is bounded
  // by what the image's files hold, not by what the file system claims.
  [[nodiscard]] virtual Result<LostFiles> find(const Disk& disk, const Partition& partition,
                                               std::span<const DiskRange> lost) const = 0;
};

// Asks the finder about every partition that the lost ranges touch, and says in a note where files
// can't be named and why.
[[nodiscard]] LostFiles find_lost_files(const FileFinder& finder, const Disk& disk,
                                        const DiskLayout& layout, std::span<const DiskRange> lost);

}  // namespace ploopu
