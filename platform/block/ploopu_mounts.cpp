// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/ploopu_mounts.hpp"

#include <algorithm>

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

}  // namespace

bool is_noted_as(const MountEntry& mount, const NotedMount& noted) {
  return (noted.id != 0 && noted.id == mount.id) || noted.directory == mount.directory;
}

std::vector<MountEntry> ploopu_mounts(const std::vector<MountEntry>& mounts,
                                      const std::vector<NotedMount>& noted) {
  std::vector<MountEntry> own;
  std::copy_if(mounts.rbegin(), mounts.rend(), std::back_inserter(own),
               [&](const MountEntry& mount) {
                 return std::any_of(noted.begin(), noted.end(),
                                    [&](const NotedMount& one) { return is_noted_as(mount, one); });
               });
  return own;
}

Result<void> unmount_all(const std::vector<MountEntry>& table,
                         const std::vector<MountEntry>& going) {
  if (going.empty()) return {};
  PLOOPU_CHECK(check_unused(going.front().directory, find_mount_obstacles(table, going)));
  for (const auto& mount : going) {
    PLOOPU_CHECK(check_reachable(mount));
  }
  for (const auto& mount : going) {
    PLOOPU_CHECK(unmount(mount));
  }
  return {};
}

}  // namespace ploopu
