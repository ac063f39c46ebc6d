// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/volume/partitions.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/text.hpp"
#include "core/volume/mount_options.hpp"

namespace ploopu {
namespace {

std::string name_of(const Partition& partition) {
  return partition.number == 0 ? "the whole disk" : fmt::format("partition {}", partition.number);
}

bool is_encrypted(const Partition& partition) { return partition.fstype == "crypto_LUKS"; }

// "1 (ext4, 10 MiB), 2 (ext4 "second", 20 MiB)", for messages; a long list is cut.
std::string mountable_partitions(const std::vector<Partition>& all) {
  constexpr size_t kMaxListed = 8;
  std::vector<std::string> words;
  for (const auto& partition : all) {
    if (!is_mountable(partition.fstype)) continue;
    const std::string label =
        partition.label.empty() ? "" : fmt::format(" \"{}\"", partition.label);
    words.push_back(fmt::format("{} ({}{}, {})", partition.number, partition.fstype, label,
                                human_size(partition.size)));
  }
  if (words.size() <= kMaxListed) return fmt::format("{}", fmt::join(words, ", "));
  return fmt::format("{} and {} more", fmt::join(words.begin(), words.begin() + kMaxListed, ", "),
                     words.size() - kMaxListed);
}

Result<Partition> check_mountable(const Partition& partition) {
  if (is_mountable(partition.fstype)) return partition;
  if (partition.is_ambivalent) {
    return fail(ErrorKind::damaged,
                "{} is ambiguous: it has the signatures of several file systems; attach the image, "
                "list them "
                "with wipefs -n, and choose one with -t",
                name_of(partition));
  }
  if (partition.fstype.empty()) {
    return fail(ErrorKind::damaged, "{} has no known file system: attach the image to examine it",
                name_of(partition));
  }
  if (is_encrypted(partition)) {
    return fail(ErrorKind::damaged,
                "{} is encrypted (LUKS): attach it, run cryptsetup open --readonly on its device, "
                "and mount the result",
                name_of(partition));
  }
  if (partition.fstype == "btrfs") {
    return fail(ErrorKind::damaged, "{} holds btrfs: {}", name_of(partition), kWhyNoBtrfs);
  }
  return fail(ErrorKind::damaged,
              "{} holds {}: only ext2, ext3, ext4 and xfs are mounted without -t; give -t TYPE if "
              "the kernel can mount it",
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
    return fail(ErrorKind::not_found, "the disk has no partition {}: list them with 'ploopu info'",
                *number);
  }
  if (all.empty() && !layout.table.empty()) {
    return fail(ErrorKind::damaged, "the partition table ({}) has no partition", layout.table);
  }
  if (all.empty()) {
    return fail(ErrorKind::damaged, "the disk has no known partition table or file system");
  }
  if (all.size() == 1) return all.front();
  return fail(ErrorKind::usage, "the disk has several partitions: choose one with --partition");
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
                "the disk has several file systems: {}; choose one with --partition",
                mountable_partitions(all));
  }
  return *first;
}

}  // namespace ploopu
