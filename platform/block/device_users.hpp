// SPDX-License-Identifier: GPL-2.0-or-later
// The users of a device or a mount, and the refusal that names them. Users that only the kernel
// knows, such as a lazy unmount, are found by claim_disk() of block_device.hpp.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "core/base/result.hpp"

namespace ploopu {

struct DeviceUserQuery {
  std::string device;  // block device, or a file
  bool is_file = false;
  std::string backing_file;  // on which a loop device was made for ploopu; empty otherwise
  std::vector<std::string> own_mounts;  // mount points of ploopu, which don't count
  pid_t server_pid = 0;                 // server of the device, which doesn't count either
};

struct DeviceUser {
  std::string description;    // "mounted on /mnt", "dd (pid 812) has it open"
  bool may_be_brief = false;  // a process with an open descriptor, which may be udev having a look
};

// Mounts in every namespace, device-mapper and md above it, swap, loop devices on it, and
// processes that have it or one of its partitions open. Unprivileged callers see less.
[[nodiscard]] std::vector<DeviceUser> find_device_users(const DeviceUserQuery& query);

// Processes whose open files, working or root directory lie on the file system `device` mounted
// there, and loop devices on files in it. What is below the same path elsewhere (covered by the
// mount, or in another namespace) doesn't count.
[[nodiscard]] std::vector<DeviceUser> find_mount_users(const std::string& mountpoint, dev_t device);

// ErrorKind::busy, naming `users` of `name`, when there are any.
[[nodiscard]] Result<void> check_unused(const std::string& name,
                                        const std::vector<DeviceUser>& users);

// ErrorKind::busy, naming them, when the device has users. udev and desktop programs have a look at
// every new device: waits two seconds for users that may be brief, if there are no others.
[[nodiscard]] Result<void> check_unused(const DeviceUserQuery& query);

}  // namespace ploopu
