// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/ploopu_mounts.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/list.hpp"
#include "platform/block/device_users.hpp"

namespace ploopu {
namespace {

bool has_id(const std::vector<MountEntry>& list, int id) {
  return std::any_of(list.begin(), list.end(),
                     [&](const MountEntry& mount) { return mount.id == id; });
}

std::vector<DeviceUser> find_mount_obstacles(const std::vector<MountEntry>& table,
                                             const std::vector<MountEntry>& going) {
  std::vector<DeviceUser> users;
  for (const auto& mount : table) {
    if (has_id(going, mount.parent) && !has_id(going, mount.id)) {
      users.push_back({fmt::format("{} is mounted on {}", mount.source, mount.directory)});
    }
  }
  for (const auto& mount : going) {
    append(users, find_mount_users(mount.directory, mount.device));
  }
  return users;
}

// A mount over a directory above it makes the path lead elsewhere: unmounting by the path hits a
// stranger's mount then.
Result<void> check_not_covered(const MountEntry& mount) {
  struct statx status = {};
  // Not synchronised: it must not wait for a server that doesn't answer.
  const int flags = AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC;
  if (::statx(AT_FDCWD, mount.directory.c_str(), flags, STATX_MNT_ID, &status) == 0 &&
      (status.stx_mask & STATX_MNT_ID) != 0 &&
      status.stx_mnt_id == static_cast<uint64_t>(mount.id)) {
    return {};
  }
  return fail(ErrorKind::busy, "{}: another mount covers a directory above it: unmount that first",
              mount.directory);
}

}  // namespace

std::vector<MountEntry> ploopu_mounts(const std::vector<MountEntry>& mounts,
                                      const std::vector<std::string>& directories) {
  std::vector<MountEntry> own;
  std::copy_if(mounts.rbegin(), mounts.rend(), std::back_inserter(own),
               [&](const MountEntry& mount) { return contains(directories, mount.directory); });
  return own;
}

Result<void> unmount_all(const std::vector<MountEntry>& table,
                         const std::vector<MountEntry>& going) {
  if (going.empty()) return {};
  PLOOPU_CHECK(check_unused(going.front().directory, find_mount_obstacles(table, going)));
  for (const auto& mount : going) {
    PLOOPU_CHECK(check_not_covered(mount));
  }
  for (const auto& mount : going) {
    PLOOPU_CHECK(unmount_directory(mount.directory));
  }
  return {};
}

}  // namespace ploopu
