// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/block_device.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>

#include <fcntl.h>
#include <linux/blkpg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "core/base/path.hpp"
#include "core/base/text.hpp"
#include "platform/block/block_snapshot.hpp"
#include "platform/os/sysfs.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

// Returns "/dev/loop0p1" for "/dev/loop0" and 1. The kernel writes a "p" after a name that ends in
// a digit, as the names of nbd and loop devices do.
std::string partition_node(const std::string& disk, uint32_t number) {
  return fmt::format("{}p{}", disk, number);
}

// Tells the kernel about a partition that it didn't find itself. Returns 0 or an errno value.
int add_partition(const UniqueFd& fd, const Partition& partition) {
  struct blkpg_partition data = {};
  data.start = static_cast<long long>(partition.start);
  data.length = static_cast<long long>(node_size(partition));
  data.pno = static_cast<int>(partition.number);
  struct blkpg_ioctl_arg argument = {BLKPG_ADD_PARTITION, 0, sizeof data, &data};
  return ::ioctl(fd.get(), BLKPG, &argument) == 0 ? 0 : errno;
}

Result<void> check_start(const std::string& node, const Partition& partition) {
  const auto start = read_attribute("/sys/class/block/" + base_name(node) + "/start");
  if (start == std::to_string(partition.start / kSectorSize)) return {};
  return fail(ErrorKind::failed, "{}: the kernel sees it at sector {}, the partition table says {}",
              node, start.value_or("?"), partition.start / kSectorSize);
}

}  // namespace

dev_t device_number(const std::string& node) {
  struct stat status = {};
  if (::stat(node.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return 0;
  return status.st_rdev;
}

uint64_t device_size(const std::string& node) {
  const auto sectors =
      read_attribute("/sys/class/block/" + BlockSnapshot().sysfs_name(node) + "/size");
  return parse_number(sectors.value_or("")).value_or(0) * kSectorSize;
}

uint64_t node_size(const Partition& partition) {
  // The kernel's own scan makes an extended partition this short, so that it doesn't overlap the
  // logical partitions in it.
  constexpr uint64_t kExtendedSize = 2 * kSectorSize;
  return partition.is_extended ? std::min(partition.size, kExtendedSize) : partition.size;
}

bool is_partition_uuid(const std::string& uuid, const std::string& disk_uuid) {
  constexpr std::string_view kPart = "part";
  const std::string suffix = "-" + disk_uuid;
  return uuid.starts_with(kPart) && uuid.ends_with(suffix) &&
         uuid.size() > kPart.size() + suffix.size() &&
         parse_number(uuid.substr(kPart.size(), uuid.size() - kPart.size() - suffix.size()))
             .has_value();
}

Result<std::vector<AttachedPartition>> provide_partition_nodes(const std::string& disk,
                                                               const DiskLayout& layout,
                                                               std::vector<std::string>& notes) {
  const UniqueFd fd(::open(disk.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, disk);
  std::vector<AttachedPartition> nodes;
  for (const auto& partition : layout.partitions) {
    if (partition.number == 0) {
      nodes.push_back({0, disk});
      continue;
    }
    const std::string node = partition_node(disk, partition.number);
    const int error = number_in_sysfs(base_name(node)) != 0 ? 0 : add_partition(fd, partition);
    if (error == EBUSY) {
      notes.push_back(
          fmt::format("partition {} overlaps another one: it has no node", partition.number));
      continue;
    }
    if (error != 0) {
      return fail_errno(error, fmt::format("{}: adding partition {}", disk, partition.number));
    }
    PLOOPU_CHECK(check_start(node, partition));
    // devtmpfs has the node by now. If udev makes the nodes, the node comes a little later.
    const auto exists = [&] { return device_number(node) == number_in_sysfs(base_name(node)); };
    if (!wait_until(exists, kNodeLimit)) {
      return fail(ErrorKind::failed,
                  "{}: the kernel has this partition, but /dev got no node for it", node);
    }
    nodes.push_back({partition.number, node});
  }
  return nodes;
}

Result<void> flush_disk(const UniqueFd& disk, const std::string& name) {
  if (::fsync(disk.get()) == 0) return {};
  return fail_errno(errno, fmt::format("{}: saving what was written to it", name));
}

Result<UniqueFd> claim_disk(const std::string& disk) {
  UniqueFd fd(::open(disk.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  if (fd.valid()) return fd;
  if (errno == EBUSY) {
    return fail(ErrorKind::busy,
                "{}: in use by something that can't be named (a lazy unmount, another namespace)",
                disk);
  }
  return fail_errno(errno, disk);
}

void remove_partitions(const UniqueFd& claim, const std::string& disk) {
  for (const auto& name : BlockSnapshot().partition_names(disk)) {
    const auto number =
        parse_number(read_attribute("/sys/class/block/" + name + "/partition").value_or(""));
    if (!number) continue;
    struct blkpg_partition data = {};
    data.pno = static_cast<int>(*number);
    struct blkpg_ioctl_arg argument = {BLKPG_DEL_PARTITION, 0, sizeof data, &data};
    static_cast<void>(::ioctl(claim.get(), BLKPG, &argument));
  }
}

Result<void> forget_partitions(const std::string& disk) {
  const auto gone = [&] {
    // Each open makes the kernel look for partitions again.
    const UniqueFd fd(::open(disk.c_str(), O_RDONLY | O_CLOEXEC));
    return BlockSnapshot().partition_names(disk).empty();
  };
  if (wait_until(gone, kNodeLimit)) return {};
  return fail(ErrorKind::failed, "{}: its partition nodes stay although the device is free", disk);
}

}  // namespace ploopu
