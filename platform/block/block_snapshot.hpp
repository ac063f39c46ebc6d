// SPDX-License-Identifier: GPL-2.0-or-later
// Mounts and block devices as the kernel shows them at one moment. Each part is read when it is
// first asked for, and then not again: a command that looks at many attachments hands one snapshot
// through.
//
//     const BlockSnapshot now;
//     for (const auto& record : records) backend.find_device(record, now);
//
// Whoever changed something, or waits for a change, takes a new one: BlockSnapshot().
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "platform/block/loop_device.hpp"
#include "platform/block/mounts.hpp"

namespace ploopu {

// Not thread-safe: its methods read what they lack.
class BlockSnapshot {
 public:
  // `prefix` stands before /proc and /sys, so that tests can play a host.
  explicit BlockSnapshot(std::string prefix = "") : prefix_(std::move(prefix)) {}

  // The mounts that this process sees.
  [[nodiscard]] const std::vector<MountEntry>& mounts() const;

  // The mounts of a whole disk ("/dev/nbd0") and of its partitions, in the order of mounts().
  [[nodiscard]] std::vector<MountEntry> mounts_of(const std::string& disk) const;

  // All loop devices that have a file, sorted by node.
  [[nodiscard]] const std::vector<BoundLoop>& loops() const;

  // The nodes of the loop devices on that file, by its path in sysfs.
  [[nodiscard]] std::vector<std::string> loops_on(const std::string& file) const;

  // The number of the nbd device that carries `identifier` as its "backend"; -1 when none does.
  [[nodiscard]] int find_nbd(const std::string& identifier) const;

  // "dm-0" for "/dev/mapper/NAME", empty when device-mapper has no such device. Other nodes are
  // called in sysfs what they are called in /dev.
  [[nodiscard]] std::string sysfs_name(const std::string& node) const;

  // The names in sysfs of a whole disk's partitions. Those of a device-mapper device are devices
  // above it.
  [[nodiscard]] std::vector<std::string> partition_names(const std::string& disk) const;

  // The numbers of a whole disk and of its partitions; empty when there is no such disk.
  [[nodiscard]] std::vector<dev_t> device_numbers(const std::string& disk) const;

 private:
  [[nodiscard]] std::string block_path(const std::string& name) const;
  [[nodiscard]] std::optional<std::string> attribute(const std::string& name,
                                                     const std::string& attribute) const;
  // Names in /sys/class/block, of disks and of partitions.
  [[nodiscard]] const std::vector<std::string>& names() const;
  [[nodiscard]] const std::map<std::string, std::string>& mapper_names() const;
  [[nodiscard]] std::string mapper_uuid(const std::string& name) const;

  // For each of mounts() the name of its device in sysfs; empty for a mount without a block device.
  [[nodiscard]] const std::vector<std::string>& mounted_names() const;

  std::string prefix_;
  mutable std::optional<std::vector<MountEntry>> mounts_;
  mutable std::optional<std::vector<std::string>> mounted_names_;
  mutable std::optional<std::vector<std::string>> names_;
  mutable std::optional<std::vector<BoundLoop>> loops_;
  mutable std::multimap<std::string, std::string> loop_nodes_;  // nodes of loops_, by file
  mutable std::optional<std::map<std::string, int>> nbds_;      // by "backend"
  mutable std::optional<std::map<std::string, std::string>> mapper_names_;  // "dm-0" by NAME
  mutable std::map<std::string, std::string> mapper_uuids_;                 // by "dm-0"
};

// The number of a disk or partition by its name in sysfs; 0 when it isn't there now.
[[nodiscard]] dev_t number_in_sysfs(const std::string& name, const std::string& prefix = "");

}  // namespace ploopu
