// SPDX-License-Identifier: GPL-2.0-or-later
// Mounts the file system on a device, by fsopen(2), fsmount(2) and move_mount(2): the directory is
// given by its file descriptor, and the mount is known by its ID from the moment it exists.
#pragma once

#include "core/attach/attachments.hpp"
#include "core/base/result.hpp"
#include "platform/block/held_directory.hpp"

namespace ploopu {

struct DeviceMount {
  MountOutcome outcome = MountOutcome::needs_recovery;
  int id = 0;  // MountEntry::id of what was mounted
};

// Mounts request.device on `directory`. No helper program is run and fstab is not looked at. An
// error has the kernel's own words where it gave some. Where the mount didn't land on
// directory.path(), it is taken down again: ErrorKind::busy.
[[nodiscard]] Result<DeviceMount> mount_device(const MountRequest& request,
                                               const HeldDirectory& directory);

}  // namespace ploopu
