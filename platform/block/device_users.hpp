// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the users of a device or a mount, and makes the error that names them:
//
//   PLOOPU_CHECK(check_unused({device, false, "", own_mounts, server_pid}));
//
// Users that only the kernel knows, such as a lazy unmount, are found by claim_disk() of
// block_device.hpp.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "core/base/result.hpp"

namespace ploopu {

struct DeviceUserQuery {
  std::string device;  // block device, or a file
  bool is_file = false;
  std::string backing_file;             // file below ploopu's loop device; empty if there is none
  std::vector<std::string> own_mounts;  // mount points of ploopu, which don't count
  pid_t server_pid = 0;                 // server of the device, which doesn't count either
};

struct DeviceUser {
  std::string description;    // "mounted on /mnt", "dd (pid 812) has it open"
  bool may_be_brief = false;  // a process that has the device open, which may be udev having a look
};

// Returns the users of a device or of one of its partitions: mounts in every namespace,
// device-mapper and md devices above it, swap, loop devices on it, and processes that have it open.
// Users other than root see only their own processes.
[[nodiscard]] std::vector<DeviceUser> find_device_users(const DeviceUserQuery& query);

// Returns the users of the file system `device` that is mounted on `mountpoint`: processes whose
// open files, program, working directory or root directory are in it, and loop devices on its
// files. Files below an equal path that are in another file system (covered by the mount, or in
// another namespace) don't count.
[[nodiscard]] std::vector<DeviceUser> find_mount_users(const std::string& mountpoint, dev_t device);

// Fails with ErrorKind::busy and names the users if there are any. `name` is the device or mount in
// the message.
[[nodiscard]] Result<void> check_unused(const std::string& name,
                                        const std::vector<DeviceUser>& users);

// Fails with ErrorKind::busy and names the users if the device has any. udev and desktop programs
// look at every new device: if all users may be brief, waits two seconds for their end.
[[nodiscard]] Result<void> check_unused(const DeviceUserQuery& query);

}  // namespace ploopu
