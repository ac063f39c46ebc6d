// SPDX-License-Identifier: GPL-2.0-or-later
// A descriptor against itself, its directory and the files that it lists.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/check/check.hpp"
#include "core/files/file_system.hpp"
#include "core/format/disk_descriptor.hpp"

namespace ploopu {

// What is remembered of a file that was opened: all of them can't stay open.
struct ListedDelta {
  std::string name;
  int version = 0;  // 0 for a raw file
  uint64_t cluster_size = 0;
  uint64_t disk_size = 0;
};

// The tree of snapshots, all of its branches: shots without an image, images without a shot,
// parents that don't exist or are their own ancestors, and deltas that don't fit the one below
// them. `deltas` are by GUID. These are warnings: what the chosen state needs is an error of its
// chain.
void check_tree(const DiskDescriptor& descriptor, const std::map<std::string, ListedDelta>& deltas,
                const std::string& path, CheckReport& report);

// Names ploop files in the descriptor's directory that no <Image> lists
// (docs/FORMAT.md#bundle-directory says what else lies there).
void check_directory(const FileSystem& files, const DiskDescriptor& descriptor,
                     const std::string& path, CheckReport& report);

}  // namespace ploopu
