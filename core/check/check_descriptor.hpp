// SPDX-License-Identifier: GPL-2.0-or-later
// Compares a descriptor with itself, its directory and the files that it lists. check_image() calls
// these functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/check/check.hpp"
#include "core/files/file_system.hpp"
#include "core/format/disk_descriptor.hpp"

namespace ploopu {

// Facts about a listed file, kept after the file is closed: too many files to keep open.
struct ListedDelta {
  std::string name;
  int version = 0;            // 1 or 2; 0 for a raw file
  uint64_t cluster_size = 0;  // bytes
  uint64_t disk_size = 0;     // bytes
};

// Warns of faults in all branches of the tree of snapshots: shots without an image, images without
// a shot, parents that don't exist or are their own ancestors, and deltas that don't fit the delta
// below. `deltas` are by GUID. A fault that hinders the chosen state is an error of its chain.
void check_tree(const DiskDescriptor& descriptor, const std::map<std::string, ListedDelta>& deltas,
                const std::string& path, CheckReport& report);

// Warns of ploop files in the descriptor's directory that no <Image> lists
// (docs/FORMAT.md#bundle-directory lists the other files there).
void check_directory(const FileSystem& files, const DiskDescriptor& descriptor,
                     const std::string& path, CheckReport& report);

}  // namespace ploopu
