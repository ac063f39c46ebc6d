// SPDX-License-Identifier: GPL-2.0-or-later
// How the file systems of a container are mounted from an image that must not change.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"

namespace ploopu {

// Whether the kernel may be asked to mount this type: ext2, ext3, ext4 and xfs.
[[nodiscard]] bool is_mountable(const std::string& fstype);

struct MountOptions {
  std::string text;  // comma-separated, as mount -o takes it
  std::vector<std::string> warnings;
};

// Read-only, no setuid programs, no device nodes, no panic on a damaged ext file system.
// `extra` (the user's -o) comes last; what undoes one of our options is named in a warning; "rw"
// and what would not mount this device here and now (loop, bind, move, remount) is refused.
// `skip_journal` adds noload or norecovery.
[[nodiscard]] Result<MountOptions> mount_options(const std::string& fstype, bool skip_journal,
                                                 const std::string& extra);

}  // namespace ploopu
