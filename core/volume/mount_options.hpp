// SPDX-License-Identifier: GPL-2.0-or-later
// How the file systems of a container are mounted from an image that must not change.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ploopu {

inline constexpr std::string_view kWhyNoBtrfs =
    "refused: the kernel finds its parts by UUID, and may mix up those of an image and of this "
    "host; mount it in a virtual machine";

[[nodiscard]] bool is_ext(std::string_view fstype);

// Whether ploopu mounts this type without the user naming it: ext2, ext3, ext4 and xfs.
[[nodiscard]] bool is_mountable(const std::string& fstype);

// Checks the type of a file system that the user names for the kernel to try: a single type, but
// not btrfs.
[[nodiscard]] Result<void> check_fstype(const std::string& fstype);

enum class MountMode { read_only, skip_journal, writable };

struct MountOptions {
  std::string text;  // comma-separated, as mount -o takes it
  std::vector<std::string> warnings;
};

// The options of a mount: read-only or writable, no setuid programs, no device nodes, no panic on a
// damaged ext file system. `extra` (the user's -o) comes last; a warning names each of its options
// that undoes one of ploopu's. ErrorKind::usage for "rw", and for operations other than mounting
// this device (loop, bind, move, remount). skip_journal adds noload or norecovery to read_only.
[[nodiscard]] Result<MountOptions> mount_options(const std::string& fstype, MountMode mode,
                                                 const std::string& extra);

}  // namespace ploopu
