// SPDX-License-Identifier: GPL-2.0-or-later
// DISK= of Virtuozzo 7: the disks that a container has besides root.hdd. Source:
// docs/FORMAT.md#the-disk-variable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ploopu {

struct VzDisk {
  std::string uuid;        // with braces, lower case
  std::string image;       // a directory: absolute, or below the private area; may be empty
  std::string device;      // a block device instead
  std::string mountpoint;  // in the container; "/" makes it the root disk
  bool enabled = true;     // others aren't mounted, but can be read

  [[nodiscard]] bool is_root() const { return mountpoint == "/"; }
};

struct VzDisks {
  std::vector<VzDisk> disks;
  std::vector<std::string> warnings;
};

// Parses the value of DISK=. Never fails: an entry that can't be understood is left out with a
// warning. `file` is the path of the configuration, for warnings.
[[nodiscard]] VzDisks parse_disks(std::string_view value, const std::string& file);

// The disks other than the root disk. The first item is number 1 for choose_disk().
[[nodiscard]] std::vector<VzDisk> further_disks(const std::vector<VzDisk>& disks);

// The disk that `which` means: the root disk ("" or "root", or the null GUID), the number of a
// further one, or its GUID or the beginning of that; braces and case don't matter. Nothing for a
// root disk that isn't listed. ErrorKind::not_found when there is none, usage when there are
// several.
[[nodiscard]] Result<std::optional<VzDisk>> choose_disk(const std::vector<VzDisk>& disks,
                                                        const std::string& which,
                                                        const std::string& ctid);

}  // namespace ploopu
