// SPDX-License-Identifier: GPL-2.0-or-later
// Whole-disk block devices and their partition nodes, whoever drives them.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "core/attach/attachments.hpp"
#include "core/base/result.hpp"
#include "core/volume/partitions.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// The number of a block device node; 0 when there is no such node.
[[nodiscard]] dev_t device_number(const std::string& node);

// Bytes; 0 when there is no such device.
[[nodiscard]] uint64_t device_size(const std::string& node);

// How large the node of a partition is, in bytes. The kernel makes an extended one short.
[[nodiscard]] uint64_t node_size(const Partition& partition);

// Whether a device-mapper device of this UUID is a partition of that one: kpartx's convention.
[[nodiscard]] bool is_partition_uuid(const std::string& uuid, const std::string& disk_uuid);

// Returns when every partition of `layout` has a node that can be opened. The kernel makes them
// when the disk is first opened; where it knows no partition tables, they are added by ours. Of
// those it refuses one that overlaps another: it gets no node, and `notes` says so.
[[nodiscard]] Result<std::vector<AttachedPartition>> provide_partition_nodes(
    const std::string& disk, const DiskLayout& layout, std::vector<std::string>& notes);

// Returns when all that was written to it is where it is kept.
[[nodiscard]] Result<void> flush_disk(const UniqueFd& disk, const std::string& name);

// Opens the whole disk for us alone: the kernel says EBUSY while it is mounted in any namespace,
// lazily unmounted but in use, or under device-mapper. The claim ends with the descriptor.
[[nodiscard]] Result<UniqueFd> claim_disk(const std::string& disk);

// Takes away the partitions that nothing has open, before the disk itself goes. Needed where the
// kernel didn't make them and so won't take them away (nbd with max_part=0).
void remove_partitions(const UniqueFd& claim, const std::string& disk);

// After an nbd device was disconnected: makes the kernel notice that its partitions are gone, too,
// and waits until they are. It notices when the disk is opened next
// (docs/KERNEL.md#nbd-partitions).
[[nodiscard]] Result<void> forget_partitions(const std::string& disk);

}  // namespace ploopu
