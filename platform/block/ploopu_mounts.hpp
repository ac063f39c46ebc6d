// SPDX-License-Identifier: GPL-2.0-or-later
// The mounts that ploopu made of one device, and how to take them down without harm to others.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "platform/block/mounts.hpp"

namespace ploopu {

// Those of a device's `mounts` that are on one of the directories where ploopu mounted it. What
// lies on another mount comes before it: the order in which they can be unmounted.
[[nodiscard]] std::vector<MountEntry> ploopu_mounts(const std::vector<MountEntry>& mounts,
                                                    const std::vector<std::string>& directories);

// Unmounts `going`, which are all of `table`, in their order: all or, when something hinders one of
// them, none. ErrorKind::busy, naming what hinders: others' mounts on or over them, processes, loop
// devices on files in them, and mounts that cover a directory above them.
[[nodiscard]] Result<void> unmount_all(const std::vector<MountEntry>& table,
                                       const std::vector<MountEntry>& going);

}  // namespace ploopu
