// SPDX-License-Identifier: GPL-2.0-or-later
// What lies on a disk: its partition table and file systems. Found by the Prober port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/units.hpp"
#include "core/disk/disk_view.hpp"

namespace ploopu {

struct Partition {
  uint32_t number = 0;  // as in the table; 0 stands for the whole disk when it has no table
  uint64_t start = 0;   // bytes
  uint64_t size = 0;    // bytes
  // An MBR's extended partition: the logical ones lie inside it.
  bool is_extended = false;
  // What libblkid calls it ("ext4", "crypto_LUKS"); empty when nothing was recognised.
  std::string fstype;
  std::string label;
  std::string uuid;
  // Two file systems' signatures are there: which one is right can't be told, and fstype is empty.
  bool is_ambivalent = false;
};

struct DiskLayout {
  std::string table;  // "gpt", "dos"; empty when there is none
  std::vector<Partition> partitions;
  std::vector<std::string> warnings;
  // The table has more partitions than are believed, or a chain of them that doesn't end: the
  // kernel, which would make a node of each, is not to look for them.
  bool is_excessive = false;
};

template <class Codec>
void fields(Codec& codec, Partition& partition) {
  codec(partition.number, partition.start, partition.size, partition.is_extended, partition.fstype,
        partition.label, partition.uuid, partition.is_ambivalent);
}
template <class Codec>
void fields(Codec& codec, DiskLayout& layout) {
  codec(layout.table, layout.partitions, layout.warnings, layout.is_excessive);
}

// ErrorKind::damaged for a partition that lies outside of the disk. For a layout that confined work
// has found.
[[nodiscard]] Result<void> check_layout(const DiskLayout& layout, const DiskView& disk);

// Implemented by platform/probe/blkid_prober.
class Prober {
 public:
  Prober() = default;
  virtual ~Prober() = default;
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Needs no device and no privilege: it sees the disk through DiskView::read.
  [[nodiscard]] virtual Result<DiskLayout> probe(const DiskView& disk) const = 0;
};

// What the user should know of a partition's content; empty when there is nothing to say.
[[nodiscard]] std::string warning_of(const Partition& partition);

// The partition with that number, whatever is in it; without one, the only one.
[[nodiscard]] Result<Partition> find_partition(const DiskLayout& layout, const uint32_t* number);

// Which partition a mount without --partition means: the only one with a file system that can be
// mounted. `number` picks one explicitly.
[[nodiscard]] Result<Partition> choose_partition(const DiskLayout& layout, const uint32_t* number);

}  // namespace ploopu
