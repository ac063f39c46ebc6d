// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/device_users.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/list.hpp"
#include "core/base/text.hpp"
#include "platform/block/block_device.hpp"
#include "platform/block/block_snapshot.hpp"
#include "platform/block/mounts.hpp"
#include "platform/os/process.hpp"
#include "platform/os/sysfs.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

// The number of the file system that has the file; 0 if the answer may need a server.
dev_t device_of_file(const std::string& path) {
  struct statx status = {};
  if (::statx(AT_FDCWD, path.c_str(), AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &status) != 0) {
    return 0;
  }
  return makedev(status.stx_dev_major, status.stx_dev_minor);
}

bool is_on_device(const std::string& path, const std::vector<dev_t>& devices) {
  return path.starts_with("/dev/") && contains(devices, device_number(path));
}

// Tests the target of a link in /proc/PID: compares names, and follows only targets below /dev.
// Other targets may be on a server that no longer answers, where a look hangs.
using PathTest = std::function<bool(const std::string&)>;

bool has_open(pid_t pid, const PathTest& matches) {
  const std::string directory = fmt::format("/proc/{}/fd/", pid);
  const auto names = list_directory(directory);
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return matches(read_link(directory + name)); });
}

void add_openers(std::vector<DeviceUser>& users, const DeviceUserQuery& query,
                 const PathTest& matches) {
  for (const pid_t pid : all_processes()) {
    if (pid == query.server_pid || pid == ::getpid() || !has_open(pid, matches)) continue;
    users.push_back({describe_process(pid) + " has it open", true});
  }
}

// `own` is the node of a loop device that doesn't count.
void add_loops(std::vector<DeviceUser>& users, const BlockSnapshot& now, const PathTest& matches,
               const std::string& own = "") {
  for (const auto& loop : now.loops()) {
    if (matches(loop.file) && loop.node != own) users.push_back({"used by " + loop.node});
  }
}

void add_mounts(std::vector<DeviceUser>& users, const DeviceUserQuery& query,
                const BlockSnapshot& now, const std::vector<dev_t>& devices,
                std::vector<uint64_t>& own_groups) {
  for (const auto& mount : now.mounts()) {
    if (!contains(devices, mount.device)) continue;
    if (contains(query.own_mounts, mount.directory)) {
      append(own_groups, mount.peer_groups);
    } else {
      users.push_back({"mounted on " + mount.directory});
    }
  }
}

// Copies of our own mounts that the kernel made by propagation don't count: they go with ours
// (docs/KERNEL.md#mounting-namespaces).
void add_foreign_mounts(std::vector<DeviceUser>& users, const std::vector<dev_t>& devices,
                        const std::vector<uint64_t>& own_groups) {
  const auto is_copy = [&](const MountEntry& mount) {
    return std::any_of(mount.peer_groups.begin(), mount.peer_groups.end(),
                       [&](uint64_t group) { return contains(own_groups, group); });
  };
  std::set<std::string> seen = {"", read_link("/proc/self/ns/mnt")};
  for (const pid_t pid : all_processes()) {
    const std::string process = fmt::format("/proc/{}", pid);
    if (!seen.insert(read_link(process + "/ns/mnt")).second) continue;
    const auto mounts = read_mount_table(process + "/mountinfo");
    if (!mounts) continue;
    for (const auto& mount : *mounts) {
      if (!contains(devices, mount.device) || is_copy(mount)) continue;
      users.push_back({fmt::format("mounted on {} in the mount namespace of {}", mount.directory,
                                   describe_process(pid))});
    }
  }
}

// Adds device-mapper and md devices above `devices`. Partitions that are device-mapper devices
// themselves don't count: they are among `devices`.
void add_stacked_devices(std::vector<DeviceUser>& users, const std::vector<dev_t>& devices) {
  for (const dev_t device : devices) {
    const std::string directory =
        fmt::format("/sys/dev/block/{}:{}/holders", major(device), minor(device));
    for (const auto& name : list_directory(directory)) {
      if (contains(devices, device_number("/dev/" + name))) continue;
      const auto label = read_attribute("/sys/block/" + name + "/dm/name");
      users.push_back({fmt::format("used by /dev/{}{}", name, label ? " (" + *label + ")" : "")});
    }
  }
}

void add_swap(std::vector<DeviceUser>& users, const std::vector<dev_t>& devices) {
  std::istringstream lines(read_attribute("/proc/swaps").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const std::string file = line.substr(0, line.find_first_of(" \t"));
    if (is_on_device(file, devices)) users.push_back({"used as swap: " + file});
  }
}

}  // namespace

std::vector<DeviceUser> find_device_users(const DeviceUserQuery& query) {
  const BlockSnapshot now;
  std::vector<DeviceUser> users;
  if (query.is_file) {
    const auto matches = [&](const std::string& path) { return path == query.device; };
    add_loops(users, now, matches);
    add_openers(users, query, matches);
    return users;
  }
  const std::vector<dev_t> devices = now.device_numbers(query.device);
  const auto matches = [&](const std::string& path) {
    return is_on_device(path, devices) ||
           (!query.backing_file.empty() && path == query.backing_file);
  };
  std::vector<uint64_t> own_groups;
  add_mounts(users, query, now, devices, own_groups);
  add_foreign_mounts(users, devices, own_groups);
  add_stacked_devices(users, devices);
  add_swap(users, devices);
  add_loops(users, now, matches, query.device);
  add_openers(users, query, matches);
  return users;
}

std::vector<DeviceUser> find_mount_users(const std::string& mountpoint, dev_t device) {
  std::vector<DeviceUser> users;
  const auto is_below = [&](const std::string& path) {
    return path == mountpoint || path.starts_with(mountpoint + "/");
  };
  const auto is_used = [&](const std::string& link) {
    return is_below(read_link(link)) && device_of_file(link) == device;
  };
  for (const pid_t pid : all_processes()) {
    if (pid == ::getpid()) continue;
    const std::string process = fmt::format("/proc/{}", pid);
    std::vector<std::string> links = {process + "/cwd", process + "/root", process + "/exe"};
    for (const auto& name : list_directory(process + "/fd")) {
      links.push_back(fmt::format("{}/fd/{}", process, name));
    }
    if (std::any_of(links.begin(), links.end(), is_used)) {
      users.push_back({describe_process(pid) + " uses " + mountpoint});
    }
  }
  add_loops(users, BlockSnapshot(), [&](const std::string& path) {
    return is_below(path) && device_of_file(path) == device;
  });
  return users;
}

Result<void> check_unused(const std::string& name, const std::vector<DeviceUser>& users) {
  if (users.empty()) return {};
  std::vector<std::string> texts;
  texts.reserve(users.size());
  for (const auto& user : users) texts.push_back(user.description);
  return fail(ErrorKind::busy, "{}: in use: {}", name, fmt::join(texts, ", "));
}

Result<void> check_unused(const DeviceUserQuery& query) {
  std::vector<DeviceUser> users;
  const auto is_brief = [](const DeviceUser& user) { return user.may_be_brief; };
  const auto is_settled = [&] {
    users = find_device_users(query);
    return users.empty() || !std::all_of(users.begin(), users.end(), is_brief);
  };
  static_cast<void>(wait_until(is_settled, kBriefUse));
  return check_unused(query.device, users);
}

}  // namespace ploopu
