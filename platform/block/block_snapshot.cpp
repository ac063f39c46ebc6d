// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/block_snapshot.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include "core/base/list.hpp"
#include "core/base/path.hpp"
#include "core/base/text.hpp"
#include "platform/block/block_device.hpp"
#include "platform/os/sysfs.hpp"

namespace ploopu {
namespace {

constexpr std::string_view kMapper = "/dev/mapper/";

}  // namespace

dev_t number_in_sysfs(const std::string& name, const std::string& prefix) {
  const std::string text =
      read_attribute(prefix + "/sys/class/block/" + name + "/dev").value_or("");
  const size_t colon = std::min(text.find(':'), text.size());
  const auto major_number = parse_number(text.substr(0, colon));
  const auto minor_number = parse_number(text.substr(std::min(colon + 1, text.size())));
  if (!major_number || !minor_number) return 0;
  return makedev(static_cast<unsigned>(*major_number), static_cast<unsigned>(*minor_number));
}

std::string BlockSnapshot::block_path(const std::string& name) const {
  return prefix_ + "/sys/class/block/" + name;
}

std::optional<std::string> BlockSnapshot::attribute(const std::string& name,
                                                    const std::string& attribute) const {
  return read_attribute(block_path(name) + "/" + attribute);
}

const std::vector<std::string>& BlockSnapshot::names() const {
  if (!names_) names_ = list_directory(prefix_ + "/sys/class/block");
  return *names_;
}

const std::vector<MountEntry>& BlockSnapshot::mounts() const {
  if (!mounts_) {
    mounts_ =
        read_mount_table(prefix_ + "/proc/self/mountinfo").value_or(std::vector<MountEntry>());
  }
  return *mounts_;
}

const std::vector<std::string>& BlockSnapshot::mounted_names() const {
  if (mounted_names_) return *mounted_names_;
  mounted_names_.emplace();
  std::map<dev_t, std::string> by_number = {{0, ""}};
  for (const auto& mount : mounts()) {
    // Major number 0: a file system without a block device.
    const dev_t number = major(mount.device) == 0 ? 0 : mount.device;
    auto known = by_number.find(number);
    if (known == by_number.end()) {
      const std::string link =
          fmt::format("{}/sys/dev/block/{}:{}", prefix_, major(number), minor(number));
      known = by_number.emplace(number, base_name(read_link(link))).first;
    }
    mounted_names_->push_back(known->second);
  }
  return *mounted_names_;
}

// Looks up the devices that are mounted, which are few, and not the numbers of all disks.
std::vector<MountEntry> BlockSnapshot::mounts_of(const std::string& disk) const {
  std::vector<MountEntry> found;
  std::vector<std::string> disk_names = partition_names(disk);
  disk_names.push_back(sysfs_name(disk));
  for (size_t i = 0; i < mounts().size(); ++i) {
    const std::string& name = mounted_names()[i];
    if (!name.empty() && contains(disk_names, name)) found.push_back(mounts()[i]);
  }
  return found;
}

const std::vector<BoundLoop>& BlockSnapshot::loops() const {
  if (loops_) return *loops_;
  loops_.emplace();
  for (const auto& name : names()) {
    if (!name.starts_with("loop")) continue;
    auto file = attribute(name, "loop/backing_file");
    if (!file || file->empty()) continue;
    loop_nodes_.emplace(*file, "/dev/" + name);
    loops_->push_back({"/dev/" + name, *std::move(file)});
  }
  return *loops_;
}

std::vector<std::string> BlockSnapshot::loops_on(const std::string& file) const {
  static_cast<void>(loops());
  std::vector<std::string> nodes;
  const auto [first, last] = loop_nodes_.equal_range(file);
  for (auto loop = first; loop != last; ++loop) nodes.push_back(loop->second);
  return nodes;
}

int BlockSnapshot::find_nbd(const std::string& identifier) const {
  if (!nbds_) {
    nbds_.emplace();
    for (const auto& name : names()) {
      const auto index = name.starts_with("nbd") ? parse_number(name.substr(3)) : std::nullopt;
      if (!index) continue;
      if (auto carried = attribute(name, "backend")) {
        nbds_->emplace(*std::move(carried), static_cast<int>(*index));
      }
    }
  }
  const auto found = nbds_->find(identifier);
  return found == nbds_->end() ? -1 : found->second;
}

const std::map<std::string, std::string>& BlockSnapshot::mapper_names() const {
  if (mapper_names_) return *mapper_names_;
  mapper_names_.emplace();
  for (const auto& name : names()) {
    if (!name.starts_with("dm-")) continue;
    if (auto mapped = attribute(name, "dm/name")) mapper_names_->emplace(*std::move(mapped), name);
  }
  return *mapper_names_;
}

std::string BlockSnapshot::mapper_uuid(const std::string& name) const {
  const auto known = mapper_uuids_.find(name);
  if (known != mapper_uuids_.end()) return known->second;
  return mapper_uuids_.emplace(name, attribute(name, "dm/uuid").value_or("")).first->second;
}

std::string BlockSnapshot::sysfs_name(const std::string& node) const {
  if (!node.starts_with(kMapper)) return base_name(node);
  const auto found = mapper_names().find(node.substr(kMapper.size()));
  return found == mapper_names().end() ? "" : found->second;
}

std::vector<std::string> BlockSnapshot::partition_names(const std::string& disk) const {
  const std::string disk_name = sysfs_name(disk);
  std::vector<std::string> partitions;
  if (disk_name.empty()) return partitions;
  if (disk_name.starts_with("dm-")) {
    const std::string uuid = mapper_uuid(disk_name);
    if (uuid.empty()) return partitions;
    for (auto& name : list_directory(block_path(disk_name) + "/holders")) {
      if (is_partition_uuid(mapper_uuid(name), uuid)) partitions.push_back(std::move(name));
    }
    return partitions;
  }
  // "loop0p1" is a partition of "loop0": the names of all disks that ploopu makes end in a digit,
  // to which the kernel adds "p" and a number. The names are sorted, so the partitions of a disk
  // are neighbours.
  const std::string stem = disk_name + "p";
  auto name = std::lower_bound(names().begin(), names().end(), stem);
  for (; name != names().end() && name->starts_with(stem); ++name) {
    if (parse_number(name->substr(stem.size()))) partitions.push_back(*name);
  }
  return partitions;
}

std::vector<dev_t> BlockSnapshot::device_numbers(const std::string& disk) const {
  std::vector<dev_t> numbers = {number_in_sysfs(sysfs_name(disk), prefix_)};
  for (const auto& name : partition_names(disk)) numbers.push_back(number_in_sysfs(name, prefix_));
  std::erase(numbers, dev_t{0});
  return numbers;
}

}  // namespace ploopu
