// SPDX-License-Identifier: GPL-2.0-or-later
// How the file systems of a container are mounted from an image that must not change.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ploopu {

inline constexpr std::string_view kWhyNoBtrfs =
    "refused: the kernel knows its parts by UUID, and would mix up those of an image and of this "
    "host; mount it in a virtual machine";

[[nodiscard]] bool is_ext(std::string_view fstype);

// Whether the kernel may be asked to mount this type unbidden: ext2, ext3, ext4 and xfs.
[[nodiscard]] bool is_mountable(const std::string& fstype);

// What a user may call a file system, for the kernel to try: one type, and not btrfs.
[[nodiscard]] Result<void> check_fstype(const std::string& fstype);

enum class MountMode { read_only, skip_journal, writable };

struct MountOptions {
  std::string text;  // comma-separated, as mount -o takes it
  std::vector<std::string> warnings;
};

// Read-only or writable, no setuid programs, no device nodes, no panic on a damaged ext file
// system. `extra` (the user's -o) comes last; what undoes one of our options is named in a warning;
// "rw" and what would not mount this device here and now (loop, bind, move, remount) is refused.
// skip_journal adds noload or norecovery to read_only.
[[nodiscard]] Result<MountOptions> mount_options(const std::string& fstype, MountMode mode,
                                                 const std::string& extra);

}  // namespace ploopu
