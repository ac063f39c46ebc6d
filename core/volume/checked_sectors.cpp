// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/volume/checked_sectors.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace ploopu {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kEndBlocks = 16;  // a GPT has 34 sectors of 512 bytes, or 6 of 4096

// The numbers of the blocks that are checked.
std::set<uint64_t> checked_blocks(const DiskLayout& layout, uint64_t disk_size) {
  std::set<uint64_t> blocks;
  const uint64_t end = (disk_size + kBlock - 1) / kBlock;
  for (uint64_t i = 0; i < std::min(kEndBlocks, end); ++i) {
    blocks.insert(i);
    blocks.insert(end - 1 - i);
  }
  for (const auto& partition : layout.partitions) {
    // The superblock of a partition that begins inside a block lies in two of them.
    for (const uint64_t at : {partition.start, partition.start + kBlock - 1}) {
      if (at < disk_size) blocks.insert(at / kBlock);
    }
  }
  return blocks;
}

// A block that no file has anything of reads as zeros for as long as the disk exists: the tables
// are in memory.
bool is_in_no_file(const Disk& disk, uint64_t start, uint64_t length) {
  const Extent extent = disk.extent_at(start, length);
  return extent.kind == ExtentKind::zero && extent.length == length;
}

}  // namespace

Result<void> hold_checked_sectors(const FileSystem& files, const DiskLayout& layout, Disk& disk) {
  std::vector<std::byte> content;
  std::vector<HeldRange> ranges;
  for (const uint64_t block : checked_blocks(layout, disk.size())) {
    const uint64_t start = block * kBlock;
    const uint64_t length = std::min(kBlock, disk.size() - start);
    if (is_in_no_file(disk, start, length)) continue;
    const uint64_t file_offset = content.size();
    content.resize(file_offset + kBlock);
    if (disk.read(start, std::span(content).subspan(file_offset, length)) != 0) {
      content.resize(file_offset);
      continue;
    }
    const bool joins = !ranges.empty() && ranges.back().start + ranges.back().length == start;
    if (joins) {
      ranges.back().length += length;
    } else {
      ranges.push_back({start, length, file_offset});
    }
  }
  if (ranges.empty()) return {};
  PLOOPU_TRY(auto memory, files.hold_in_memory(content));
  disk.hold(std::move(memory), std::move(ranges));
  return {};
}

Result<void> check_same_layout(const DiskLayout& before, const DiskLayout& now,
                               const std::string& name) {
  const bool is_same =
      std::equal(before.partitions.begin(), before.partitions.end(), now.partitions.begin(),
                 now.partitions.end(), [](const Partition& a, const Partition& b) {
                   return a.number == b.number && a.start == b.start && a.size == b.size;
                 });
  if (is_same) return {};
  return fail(ErrorKind::busy, "{}: its partitions changed while it was opened: try again", name);
}

}  // namespace ploopu
