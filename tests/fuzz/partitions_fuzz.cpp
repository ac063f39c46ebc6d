// SPDX-License-Identifier: GPL-2.0-or-later
// The input is a disk as libblkid sees it. Partitions are inside the disk, and the file system of a
// partition that may be mounted was checked.
#include "core/volume/ext_superblock.hpp"
#include "platform/probe/blkid_prober.hpp"
#include "tests/fuzz/table_disk.hpp"

namespace ploopu::testing {
namespace {

constexpr size_t kMaxPartitions = 16;

void try_disk(const Disk& disk) {
  const auto layout = BlkidProber().probe(disk);
  require(layout.has_value());
  require(layout->partitions.size() <= kMaxPartitions);
  for (const Partition& partition : layout->partitions) {
    require(partition.start <= disk.size() && partition.size <= disk.size() - partition.start);
    require(!partition.is_ambivalent || partition.fstype.empty());
    static_cast<void>(find_partition(*layout, &partition.number));
    static_cast<void>(choose_partition(*layout, &partition.number));
    static_cast<void>(check_ext(disk, partition.start, partition.size));
  }
  static_cast<void>(choose_partition(*layout, nullptr));
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  try_disk(any_disk({data, size}));
  return 0;
}
