// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/volume/partitions.hpp"

#include <algorithm>

#include "core/volume/mount_options.hpp"

namespace ploopu {
namespace {

std::string name_of(const Partition& partition) {
  return partition.number == 0 ? "the whole disk" : fmt::format("partition {}", partition.number);
}

bool is_encrypted(const Partition& partition) { return partition.fstype == "crypto_LUKS"; }

Result<Partition> check_mountable(const Partition& partition) {
  if (is_mountable(partition.fstype)) return partition;
  if (partition.is_ambivalent) {
    return fail(ErrorKind::damaged,
                "{} is ambivalent: it has the signatures of more than one file system; attach it, "
                "look at them with wipefs -n, and mount it by hand",
                name_of(partition));
  }
  if (partition.fstype.empty()) {
    return fail(ErrorKind::damaged, "{} holds no file system that is known: look at it with attach",
                name_of(partition));
  }
  if (is_encrypted(partition)) {
    return fail(ErrorKind::damaged,
                "{} is encrypted (LUKS): attach it, use cryptsetup open --readonly on its device, "
                "and mount what that gives",
                name_of(partition));
  }
  if (partition.fstype == "btrfs") {
    return fail(ErrorKind::damaged, "{} holds btrfs: {}", name_of(partition), kWhyNoBtrfs);
  }
  return fail(ErrorKind::damaged,
              "{} holds {}; only ext2, ext3, ext4 and xfs are mounted without -t: name it there if "
              "the kernel can mount that",
              name_of(partition), partition.fstype);
}

}  // namespace

Result<void> check_layout(const DiskLayout& layout, const DiskView& disk) {
  for (const auto& partition : layout.partitions) {
    if (partition.start > disk.size() || partition.size > disk.size() - partition.start) {
      return fail(ErrorKind::damaged, "{}: partition {} was found outside of the disk: refused",
                  disk.name(), partition.number);
    }
  }
  return {};
}

std::string warning_of(const Partition& partition) {
  if (partition.is_ambivalent) {
    return fmt::format("{} has the signatures of more than one file system", name_of(partition));
  }
  if (!is_encrypted(partition)) return {};
  return fmt::format("{} is encrypted (LUKS){}: attach it and use cryptsetup on its device",
                     name_of(partition),
                     partition.number == 0 ? ", a partition table inside it included" : "");
}

Result<Partition> find_partition(const DiskLayout& layout, const uint32_t* number) {
  const auto& all = layout.partitions;
  if (number != nullptr) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Partition& p) { return p.number == *number; });
    if (found != all.end()) return *found;
    return fail(ErrorKind::not_found, "the disk has no partition {}: info lists what it has",
                *number);
  }
  if (all.empty() && !layout.table.empty()) {
    return fail(ErrorKind::damaged, "the partition table ({}) has no partition", layout.table);
  }
  if (all.empty()) {
    return fail(ErrorKind::damaged,
                "the disk has neither a partition table nor a file system that is known");
  }
  if (all.size() == 1) return all.front();
  return fail(ErrorKind::usage,
              "the disk has more than one partition: choose one with --partition");
}

Result<Partition> choose_partition(const DiskLayout& layout, const uint32_t* number) {
  const auto& all = layout.partitions;
  if (number != nullptr || all.size() < 2) {
    PLOOPU_TRY(const auto found, find_partition(layout, number));
    return check_mountable(found);
  }
  const auto mountable = [](const Partition& p) { return is_mountable(p.fstype); };
  const auto first = std::find_if(all.begin(), all.end(), mountable);
  if (first == all.end()) return check_mountable(all.front());
  if (std::find_if(first + 1, all.end(), mountable) != all.end()) {
    return fail(ErrorKind::usage,
                "the disk has more than one file system: choose one with --partition");
  }
  return *first;
}

}  // namespace ploopu
