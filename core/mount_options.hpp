// SPDX-License-Identifier: GPL-2.0-or-later
// How the file systems of a container are mounted from an image that must not change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/disk.hpp"
#include "core/result.hpp"

namespace ploopu {

// Whether the kernel may be asked to mount this type: ext2, ext3, ext4 and xfs.
[[nodiscard]] bool is_mountable(const std::string& fstype);

// Whether the ext file system at disk byte `start` has changes in its journal that are not yet in
// place (INCOMPAT_RECOVER, linux fs/ext4/ext4.h).
[[nodiscard]] Result<bool> ext_needs_recovery(const Disk& disk, uint64_t start);

struct MountOptions {
  std::string text;  // comma-separated, as mount -o takes it
  std::vector<std::string> warnings;
};

// Read-only, no setuid programs, no device nodes, no panic on a damaged ext file system.
// `extra` (the user's -o) comes last; what undoes one of our options is named in a warning, and
// "rw" is refused. `skip_journal` adds noload or norecovery.
[[nodiscard]] Result<MountOptions> mount_options(const std::string& fstype, bool skip_journal,
                                                 const std::string& extra);

}  // namespace ploopu
