// SPDX-License-Identifier: GPL-2.0-or-later
// Mounting, unmounting and the mount table, by libmount.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/attach/attachments.hpp"
#include "core/base/result.hpp"

namespace ploopu {

struct MountEntry {
  int id = 0;
  int parent = 0;    // id of the mount on which this one lies, on its root (over it) or below
  dev_t device = 0;  // device number of the mounted file system
  std::string directory;
  std::string source;
  // Groups that mount events reach it from or go out to ("shared:5", "master:5" give 5): what is
  // unmounted in a group goes from all its members, in other namespaces too.
  std::vector<uint64_t> peer_groups;
};

// The mounts that a process sees; `table` is its mountinfo file.
[[nodiscard]] std::vector<MountEntry> read_mount_table(
    const std::string& table = "/proc/self/mountinfo");

[[nodiscard]] std::vector<std::string> directories_of(const std::vector<MountEntry>& mounts);

// No helper program is run and fstab is not looked at.
[[nodiscard]] Result<MountOutcome> mount_device(const MountRequest& request);

// ErrorKind::busy when something uses it. Never lazy, never forced.
[[nodiscard]] Result<void> unmount_directory(const std::string& directory);

}  // namespace ploopu
