// SPDX-License-Identifier: GPL-2.0-or-later
// A view, at one moment, of mounts and block devices as the kernel shows them. Each part is read
// when it is first asked for, and then kept: a command that looks at many attachments passes one
// snapshot to all its steps.
//
//     const BlockSnapshot now;
//     for (const auto& record : records) backend.find_device(record, now);
//
// Code that has changed something, or waits for a change, takes a new snapshot: BlockSnapshot().
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

// Not thread-safe, although its methods are const: they read what they lack.
class BlockSnapshot {
 public:
  // `prefix` is put before /proc and /sys, so that a test can show a host of its own.
  explicit BlockSnapshot(std::string prefix = "") : prefix_(std::move(prefix)) {}

  // The mounts that this process sees.
  [[nodiscard]] const std::vector<MountEntry>& mounts() const;

  // The mounts of a whole disk ("/dev/nbd0") and of its partitions, in the order of mounts().
  [[nodiscard]] std::vector<MountEntry> mounts_of(const std::string& disk) const;

  // All loop devices that have a file, sorted by node.
  [[nodiscard]] const std::vector<BoundLoop>& loops() const;

  // The nodes of the loop devices on a file. `file` is its path as sysfs shows it.
  [[nodiscard]] std::vector<std::string> loops_on(const std::string& file) const;

  // The number of the nbd device whose "backend" in sysfs is `identifier`; -1 if there is none.
  [[nodiscard]] int find_nbd(const std::string& identifier) const;

  // The name of a device in sysfs: "dm-0" for "/dev/mapper/NAME", empty if device-mapper has no
  // such device. Other nodes have the same name in sysfs as in /dev.
  [[nodiscard]] std::string sysfs_name(const std::string& node) const;

  // The names in sysfs of a whole disk's partitions. Partitions of a device-mapper device are
  // device-mapper devices above it.
  [[nodiscard]] std::vector<std::string> partition_names(const std::string& disk) const;

  // The numbers of a whole disk and of its partitions; empty if there is no such disk.
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

// The number of a disk or partition by its name in sysfs; 0 if there is none now.
[[nodiscard]] dev_t number_in_sysfs(const std::string& name, const std::string& prefix = "");

}  // namespace ploopu
