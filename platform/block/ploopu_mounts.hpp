// SPDX-License-Identifier: GPL-2.0-or-later
// The mounts that ploopu made of one device, and how to take them down without harm to others.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "platform/block/device_users.hpp"
#include "platform/block/mounts.hpp"

namespace ploopu {

// Those of a device's `mounts` that are on one of the directories where ploopu mounted it. What
// lies on another mount comes before it: the order in which they can be unmounted.
[[nodiscard]] std::vector<MountEntry> ploopu_mounts(const std::vector<MountEntry>& mounts,
                                                    const std::vector<std::string>& directories);

// What hinders unmounting `going`, which are all of `table`: others' mounts on or over them,
// processes, and loop devices on files in them.
[[nodiscard]] std::vector<DeviceUser> find_mount_obstacles(const std::vector<MountEntry>& table,
                                                           const std::vector<MountEntry>& going);

// ErrorKind::busy when the directory's path leads elsewhere by now, because something was mounted
// over a directory above it: unmounting that path would hit a stranger's mount.
[[nodiscard]] Result<void> check_not_covered(const MountEntry& mount);

}  // namespace ploopu
