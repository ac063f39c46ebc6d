// SPDX-License-Identifier: GPL-2.0-or-later
// From what the user typed (IMAGE) to the file that describes the disk.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"
#include "core/vz/private_area.hpp"

namespace ploopu {

// `image` is a container ID or name, or a path when it has a slash: of a private area, a root.hdd
// directory, a DiskDescriptor.xml or an image file. `root` is where a container's configuration
// is looked for; paths are always those of this host. `disk` is what choose_disk() understands, and
// is for containers only.
[[nodiscard]] Result<ImageLocation> locate_image(const HostTree& tree, const std::string& image,
                                                 const std::string& disk = "");

// The descriptor of a root.hdd directory, or of the root.hdd inside a private area. `directory` is
// a path inside the tree `root`, and no link leads out of it. The answer is a path of this host.
[[nodiscard]] Result<std::string> find_descriptor(const HostTree& tree,
                                                  const std::string& directory);

// The file that is the disk of a container of Virtuozzo 9, which keeps it where older products have
// a ploop directory or its base. `directory` as above.
[[nodiscard]] Result<std::optional<std::string>> find_qcow2(const HostTree& tree,
                                                            const std::string& directory);

// The directory with the files of a container that has no disk of its own (simfs).
[[nodiscard]] Result<std::optional<std::string>> find_simfs(const HostTree& tree,
                                                            const PrivateArea& area);

}  // namespace ploopu
