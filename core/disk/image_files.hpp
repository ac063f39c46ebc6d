// SPDX-License-Identifier: GPL-2.0-or-later
// The descriptor and the files that it names. A descriptor from a stranger could name any file of
// the host, so a file must lie in the descriptor's directory, unless the user allowed otherwise.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"
#include "core/format/delta.hpp"
#include "core/format/disk_descriptor.hpp"

namespace ploopu {

// libploop's limits: clones of clones, and what a reader of hostile ones is asked to hold.
inline constexpr size_t kMaxCloneLevels = 256;
inline constexpr size_t kMaxCloneBytes = 4 * kMaxDescriptorBytes;

// One descriptor as it is written. What is wrong with it is ErrorKind::damaged, and names what
// may be a backup beside it; no backup is ever read instead.
[[nodiscard]] Result<DiskDescriptor> read_descriptor(const HostTree& tree, const std::string& path);

// The same, with the images and shots of those it is a clone of (FORMAT.md 4.5). Their directories
// lie outside of the clone's, so it takes location.allow_outside.
[[nodiscard]] Result<DiskDescriptor> read_descriptor(const HostTree& tree,
                                                     const ImageLocation& location);

// The file of one <Image> of the descriptor at `location`. It must lie beneath the descriptor's
// directory, with no link in the way. location.allow_outside permits links and regular files
// anywhere, with a warning that names the file. Only a base may be raw.
[[nodiscard]] Result<Delta> open_listed_delta(const HostTree& tree, const ImageLocation& location,
                                              const DescriptorImage& image, bool is_base,
                                              uint32_t cluster_sectors,
                                              std::vector<std::string>& warnings);

// "; there is NAME, NAME: ..." when `directory` has what may be backups of a descriptor, else "".
[[nodiscard]] std::string backups_beside(const FileSystem& files, const std::string& directory);

}  // namespace ploopu
