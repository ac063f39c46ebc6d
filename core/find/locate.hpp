// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the file that describes a disk, by the word IMAGE of the command line.
//
//     PLOOPU_TRY(const auto location, locate_image(tree, "101"));
//     PLOOPU_TRY(const auto image, open_image(tree, location));
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"
#include "core/vz/private_area.hpp"

namespace ploopu {

// `image` is a container ID or name, or, with a slash in it, the path of a private area, a root.hdd
// directory, a DiskDescriptor.xml or an image file. Containers are looked up in `tree`; paths are
// always those of this host. `disk` is a word for choose_disk(), and for containers only.
// ErrorKind::not_found when there is no such container or file, refused for another kind of image,
// usage for a `disk` with a path, damaged for a faulty configuration.
[[nodiscard]] Result<ImageLocation> locate_image(const HostTree& tree, const std::string& image,
                                                 const std::string& disk = "");

// Finds the descriptor in a root.hdd directory, or in the root.hdd of a private area. `directory`
// is a path inside `tree`, and no link leads out of the tree. Returns a path of this host.
// ErrorKind::not_found without a descriptor, refused for a qcow2 image.
[[nodiscard]] Result<std::string> find_descriptor(const HostTree& tree,
                                                  const std::string& directory);

// Finds the qcow2 disk in `directory`, a private area as a path inside `tree`: Virtuozzo 9 keeps it
// where older products have a ploop directory or its base. Returns a path of this host.
[[nodiscard]] Result<std::optional<std::string>> find_qcow2(const HostTree& tree,
                                                            const std::string& directory);

// Finds the directory with the files of a container that has no disk of its own (simfs). Returns a
// path of this host; nothing if the area has a disk, or no files.
[[nodiscard]] Result<std::optional<std::string>> find_simfs(const HostTree& tree,
                                                            const PrivateArea& area);

}  // namespace ploopu
