// SPDX-License-Identifier: GPL-2.0-or-later
// The mounts that ploopu made of one device, and how to take them down without harm to others.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "platform/block/mounts.hpp"

namespace ploopu {

// A mount as its record has it.
struct NotedMount {
  std::string directory;  // where ploopu mounted; others may have renamed it since
  int id = 0;             // MountEntry::id; 0 until that is known, and in records of older versions
  bool operator==(const NotedMount&) const = default;
};

// Whether a mount of the device is the one that was noted: it has its ID, or, as seen from another
// mount namespace, its directory.
[[nodiscard]] bool is_noted_as(const MountEntry& mount, const NotedMount& noted);

// The mounts among a device's `mounts` that ploopu made. A mount that lies on another one comes
// before it: the order in which they can be unmounted.
[[nodiscard]] std::vector<MountEntry> ploopu_mounts(const std::vector<MountEntry>& mounts,
                                                    const std::vector<NotedMount>& noted);

// Unmounts `going`, which are all of `table`, in their order: all or, when something hinders one of
// them, none. ErrorKind::busy, naming what hinders: others' mounts on or over them, processes, loop
// devices on files in them, and mounts that cover a directory above them.
[[nodiscard]] Result<void> unmount_all(const std::vector<MountEntry>& table,
                                       const std::vector<MountEntry>& going);

}  // namespace ploopu
