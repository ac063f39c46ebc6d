// SPDX-License-Identifier: GPL-2.0-or-later
// Mounting, unmounting and the mount table, by libmount.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/attach/attachments.hpp"
#include "core/base/result.hpp"
#include "platform/os/unique_fd.hpp"

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

// The mounts that a process sees; `table` is its mountinfo file. Fails if the table can't be read,
// as when no descriptor is free.
[[nodiscard]] Result<std::vector<MountEntry>> read_mount_table(
    const std::string& table = "/proc/self/mountinfo");

// MountEntry::id of the mount that an open file is in; -1 when /proc doesn't say.
[[nodiscard]] int mount_id(const UniqueFd& file);

[[nodiscard]] std::vector<std::string> directories_of(const std::vector<MountEntry>& mounts);

// Fails where unmount() would because the path of the mount leads elsewhere: ErrorKind::busy.
[[nodiscard]] Result<void> check_reachable(const MountEntry& mount);

// Takes down this mount and no other, whatever is exchanged on the way to it meanwhile.
// ErrorKind::busy when something uses it, unless `flags` of umount2(2) have MNT_DETACH.
[[nodiscard]] Result<void> unmount(const MountEntry& mount, int flags = 0);

// Takes down the mount that has this ID. No error where there is none any more.
[[nodiscard]] Result<void> unmount(int id);

// Notes in /run/mount/utab that umount(8) is to run umount.ploopu for what is mounted on
// `directory`, so that the device goes, too. The note goes with unmount(). Where it can't be
// written, umount(8) leaves the device.
void remember_helper(const MountRequest& request, const std::string& directory);

}  // namespace ploopu
