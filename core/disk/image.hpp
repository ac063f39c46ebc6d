// SPDX-License-Identifier: GPL-2.0-or-later
// An opened image: the disk, and what is known about the files behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/disk.hpp"
#include "core/disk/image_files.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"
#include "core/format/disk_descriptor.hpp"

namespace ploopu {

struct Image {
  ImageLocation location;
  Disk disk;
  std::vector<std::string> guids;     // of disk.deltas(), base first; empty for a single file
  std::vector<std::string> warnings;  // what is odd, but doesn't hinder reading
  // GUID of the shot that was opened, when that isn't the live state.
  std::optional<std::string> snapshot = std::nullopt;
  // Directories of its files, and directories above those, that everybody may write to: each of
  // their users can put another file in the place of one of these. There is a warning for each.
  std::vector<std::string> writable_by_others = {};
};

// What the header of one file says that its reader should know, wherever it stands in a chain.
void warn_about_delta(const Delta& delta, std::vector<std::string>& warnings);

// Where the descriptor at `path` disagrees with the newest delta, whose disk and clusters have
// these sizes in bytes; and GUIDs that it has twice.
void warn_about_descriptor(const DiskDescriptor& descriptor, uint64_t disk_size,
                           uint64_t cluster_size, const std::string& path,
                           std::vector<std::string>& warnings);

// Opens every file of the chain read-only and flattens it. Nothing is left open on error.
// `snapshot` is what find_shot understands; a single file only has a live state. A file to which a
// descriptor beside it gives a place in a chain is opened with what lies below it.
// When the descriptor changes meanwhile, all is done once more; when it changes again, or a header
// does, that is ErrorKind::busy.
[[nodiscard]] Result<Image> open_image(const HostTree& tree, ImageLocation location,
                                       const std::string& snapshot = "");

}  // namespace ploopu
