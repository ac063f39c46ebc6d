// SPDX-License-Identifier: GPL-2.0-or-later
// The layout of a disk: its partition table and file systems. The Prober port finds it.
//
//     PLOOPU_TRY(const auto layout, prober.probe(disk));
//     PLOOPU_TRY(const auto partition, choose_partition(layout, nullptr));
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
  // The name that libblkid has for the content ("ext4", "crypto_LUKS"); empty when it is unknown.
  std::string fstype;
  std::string label;
  std::string uuid;
  // The partition has the signatures of two file systems: nobody can tell which is right, and
  // fstype is empty.
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

// Checks a layout that confined work returned: ErrorKind::damaged for a partition that lies outside
// of the disk.
[[nodiscard]] Result<void> check_layout(const DiskLayout& layout, const DiskView& disk);

// The port to libblkid. platform/probe/blkid_prober implements it; partitions.hpp begins with an
// example.
class Prober {
 public:
  Prober() = default;
  virtual ~Prober() = default;
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Finds the layout of the disk. Needs no device and no privilege, because it reads the disk
  // through DiskView::read.
  [[nodiscard]] virtual Result<DiskLayout> probe(const DiskView& disk) const = 0;
};

// A warning about a partition's content; empty when there is nothing to say.
[[nodiscard]] std::string warning_of(const Partition& partition);

// The partition with that number, whatever its content; for nullptr, the only partition.
[[nodiscard]] Result<Partition> find_partition(const DiskLayout& layout, const uint32_t* number);

// The partition to mount: the partition with that number; for nullptr, the only partition with a
// file system that can be mounted.
[[nodiscard]] Result<Partition> choose_partition(const DiskLayout& layout, const uint32_t* number);

}  // namespace ploopu
