// SPDX-License-Identifier: GPL-2.0-or-later
// The files and metadata of the file systems on a disk that lie in its lost ranges.
//
//     const auto lost = find_lost_files(finder, image.disk, layout, report.lost);
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
  uint32_t partition = 0;  // Partition::number; 0 for the whole disk
  std::string path;        // bytes, as the file system has it; empty when no directory names it
  uint32_t inode = 0;
  std::string part;  // the lost part: "data", "directory", "block map", "attributes", "inode"
  DiskRange lost;
};

struct LostMetadata {
  uint32_t partition = 0;  // number of the partition; 0 for the whole disk
  std::string what;        // "superblock", "group descriptors", "inode table"...
  DiskRange lost;
};

struct LostFiles {
  std::vector<LostFile> files;         // at most kMaxListed in a file system, as they were found
  std::vector<LostMetadata> metadata;  // at most kMaxListed in a file system, too
  // Bytes of the ranges that no file and no metadata claims: free space, if the lists are complete.
  uint64_t unclaimed_bytes = 0;
  std::vector<std::string> notes;  // parts that couldn't be examined, or the source of an answer
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

// The port to a reader of file systems. platform/probe/ext_files implements it for ext2, ext3 and
// ext4.
//
//     PLOOPU_TRY(const auto lost, finder.find(disk, partition, ranges));
class FileFinder {
 public:
  FileFinder() = default;
  virtual ~FileFinder() = default;
  FileFinder(const FileFinder&) = delete;
  FileFinder& operator=(const FileFinder&) = delete;

  // Finds the owners of `lost`, which ascends and lies within the partition. Fails when the file
  // system can't be opened; an incomplete list has a note. Reads the disk through Disk::read. The
  // data in the image's files bounds the work, not the claims of the file system.
  [[nodiscard]] virtual Result<LostFiles> find(const Disk& disk, const Partition& partition,
                                               std::span<const DiskRange> lost) const = 0;
};

// Asks the finder about each partition that the lost ranges touch. A note says why the files of a
// partition can't be named.
[[nodiscard]] LostFiles find_lost_files(const FileFinder& finder, const Disk& disk,
                                        const DiskLayout& layout, std::span<const DiskRange> lost);

}  // namespace ploopu
