// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/check/lost_files.hpp"

#include <algorithm>
#include <utility>

#include "core/base/list.hpp"

namespace ploopu {
namespace {

std::string name_of(const Partition& partition) {
  return partition.number == 0 ? "the whole disk" : fmt::format("partition {}", partition.number);
}

std::vector<DiskRange> within(const Partition& partition, std::span<const DiskRange> lost) {
  std::vector<DiskRange> inside;
  for (const auto& range : lost) {
    const uint64_t start = std::max(range.start, partition.start);
    const uint64_t end = std::min(range.start + range.length, partition.start + partition.size);
    if (start < end) inside.push_back({start, end - start});
  }
  return inside;
}

uint64_t bytes_of(std::span<const DiskRange> ranges) {
  uint64_t sum = 0;
  for (const auto& range : ranges) sum += range.length;
  return sum;
}

void look_into(const FileFinder& finder, const Disk& disk, const Partition& partition,
               std::span<const DiskRange> lost, LostFiles& all) {
  const bool is_unknown = partition.fstype.empty();  // the lost bytes may include its superblock
  if (!is_unknown && !partition.fstype.starts_with("ext")) {
    all.notes.push_back(fmt::format("{} holds {}: lost files are found on ext2, ext3 and ext4 only",
                                    name_of(partition), partition.fstype));
    return;
  }
  auto found = finder.find(disk, partition, lost);
  if (!found) {
    all.notes.push_back(
        fmt::format("{} can't be opened as ext2, ext3 or ext4 to find its lost files: {}",
                    name_of(partition), found.error().message));
    return;
  }
  append(all.files, std::move(found->files));
  append(all.metadata, std::move(found->metadata));
  append(all.notes, std::move(found->notes));
  all.unclaimed_bytes += found->unclaimed_bytes;
}

}  // namespace

LostFiles find_lost_files(const FileFinder& finder, const Disk& disk, const DiskLayout& layout,
                          std::span<const DiskRange> lost) {
  LostFiles all;
  auto partitions = layout.partitions;
  if (partitions.empty() && layout.table.empty()) {
    Partition whole;
    whole.size = disk.size();
    partitions.push_back(whole);
  }
  uint64_t looked_at = 0;
  for (const auto& partition : partitions) {
    const auto inside = within(partition, lost);
    if (partition.is_extended || inside.empty()) continue;
    looked_at += bytes_of(inside);
    look_into(finder, disk, partition, inside, all);
  }
  if (const uint64_t total = bytes_of(lost); looked_at < total) {
    all.notes.push_back(fmt::format(
        "{} lost bytes are in no partition: in a partition table or a gap", total - looked_at));
  }
  return all;
}

}  // namespace ploopu
