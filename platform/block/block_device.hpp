// SPDX-License-Identifier: GPL-2.0-or-later
// Whole-disk block devices and their partition nodes, for all drivers that ploopu uses: nbd, loop
// and device-mapper.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/attach/attachments.hpp"
#include "core/base/result.hpp"
#include "core/volume/partitions.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// The time that the node of a new device may take to appear, and that of a removed one to go.
inline constexpr std::chrono::seconds kNodeLimit{10};

// udev opens every new device, and closes it well within this time.
inline constexpr std::chrono::seconds kBriefUse{2};

// The number of a block device node; 0 if there is no such node.
[[nodiscard]] dev_t device_number(const std::string& node);

// The size in bytes; 0 if there is no such device.
[[nodiscard]] uint64_t device_size(const std::string& node);

// The size in bytes of the node of a partition. The kernel makes the node of an extended partition
// 1 KiB long.
[[nodiscard]] uint64_t node_size(const Partition& partition);

// True if the device-mapper device with UUID `uuid` is a partition of the device with `disk_uuid`,
// by the convention of kpartx.
[[nodiscard]] bool is_partition_uuid(const std::string& uuid, const std::string& disk_uuid);

// Returns when every partition of `layout` has a node that can be opened. The kernel makes the
// nodes when the disk is first opened. Partitions that it didn't find are added by BLKPG, which
// refuses a partition that overlaps another one: that partition gets a note and no node.
// ErrorKind::failed if a node is missing after ten seconds.
[[nodiscard]] Result<std::vector<AttachedPartition>> provide_partition_nodes(
    const std::string& disk, const DiskLayout& layout, std::vector<std::string>& notes);

// Returns when everything that was written to the disk has reached the server's storage (fsync(2)).
// `name` is the disk in messages.
[[nodiscard]] Result<void> flush_disk(const UniqueFd& disk, const std::string& name);

// Opens the whole disk exclusively. The claim ends with the descriptor. ErrorKind::busy while the
// disk is mounted in any namespace, lazily unmounted but in use, or below device-mapper
// (docs/KERNEL.md#block-devices-exclusive-open).
[[nodiscard]] Result<UniqueFd> claim_disk(const std::string& disk);

// Removes the partitions that nothing has open, before the disk itself goes. Partitions that were
// added by BLKPG, as for nbd with max_part=0, aren't removed by the kernel. `claim` is the open
// disk.
void remove_partitions(const UniqueFd& claim, const std::string& disk);

// After an nbd device was disconnected: makes the kernel remove its partitions, which it does at
// the next open of the disk (docs/KERNEL.md#nbd-partitions), and waits at most ten seconds until
// they are gone.
[[nodiscard]] Result<void> forget_partitions(const std::string& disk);

}  // namespace ploopu
