// SPDX-License-Identifier: GPL-2.0-or-later
// The mounts that ploopu made of one device, and how to take them down without harm to others.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "platform/block/mounts.hpp"

namespace ploopu {

// The `mounts` of a device that are on one of the directories where ploopu mounted it, in the order
// in which they can be unmounted: a mount that lies on another one comes before that.
[[nodiscard]] std::vector<MountEntry> ploopu_mounts(const std::vector<MountEntry>& mounts,
                                                    const std::vector<std::string>& directories);

// Unmounts `going`, which are all of `table`, in their order: all or, when something hinders one of
// them, none. ErrorKind::busy, naming what hinders: others' mounts on or over them, processes, loop
// devices on files in them, and mounts that cover a directory above them.
[[nodiscard]] Result<void> unmount_all(const std::vector<MountEntry>& table,
                                       const std::vector<MountEntry>& going);

}  // namespace ploopu
