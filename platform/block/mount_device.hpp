// SPDX-License-Identifier: GPL-2.0-or-later
// Mounts the file system on a device with fsopen(2), fsmount(2) and move_mount(2): the directory is
// given by its file descriptor, and the mount is known by its ID from the moment it exists.
//
//   PLOOPU_TRY(const auto done, mount_device(request, directory));
//   if (done.outcome == MountOutcome::mounted) PLOOPU_CHECK(unmount(done.id));
#pragma once

#include "core/attach/attachments.hpp"
#include "core/base/result.hpp"
#include "platform/block/held_directory.hpp"

namespace ploopu {

struct DeviceMount {
  MountOutcome outcome = MountOutcome::needs_recovery;
  int id = 0;  // MountEntry::id of the mount; 0 if nothing was mounted
};

// Mounts request.device on `directory`, without helper programs and without fstab. An error
// contains the kernel's own message if it gave one. If the directory was moved meanwhile, the
// new mount is removed, and the error is ErrorKind::busy.
[[nodiscard]] Result<DeviceMount> mount_device(const MountRequest& request,
                                               const HeldDirectory& directory);

}  // namespace ploopu
