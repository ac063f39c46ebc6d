// SPDX-License-Identifier: GPL-2.0-or-later
// From what the user typed (IMAGE) to the file that describes the disk.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/files/file_system.hpp"
#include "core/vz/private_area.hpp"
#include "core/vz/vz_disks.hpp"

namespace ploopu {

struct ImageLocation {
  std::string path;                 // of this host: a descriptor or an image file, links resolved
  std::optional<std::string> ctid;  // when the user named a container
  std::vector<std::string> warnings;
  bool is_descriptor = false;  // otherwise a single image file
  std::string root = "/";      // the tree in which absolute paths in the descriptor mean something
  bool allow_outside = false;  // files of the image may lie outside of the descriptor's directory
  std::string private_area;    // of this host; empty unless the user named a container
  std::vector<VzDisk> disks;   // of the container, besides root.hdd
};

// `image` is a container ID or name, or a path when it has a slash: of a private area, a root.hdd
// directory, a DiskDescriptor.xml or an image file. `root` is where a container's configuration
// is looked for; paths are always those of this host. `disk` is what choose_disk() understands, and
// is for containers only.
[[nodiscard]] Result<ImageLocation> locate_image(const FileSystem& files, const std::string& root,
                                                 const std::string& image,
                                                 const std::string& disk = "");

// The descriptor of a root.hdd directory, or of the root.hdd inside a private area. `directory` is
// a path inside the tree `root`, and no link leads out of it. The answer is a path of this host.
[[nodiscard]] Result<std::string> find_descriptor(const FileSystem& files, const std::string& root,
                                                  const std::string& directory);

// The file that is the disk of a container of Virtuozzo 9, which keeps it where older products have
// a ploop directory or its base. `directory` as above.
[[nodiscard]] Result<std::optional<std::string>> find_qcow2(const FileSystem& files,
                                                            const std::string& root,
                                                            const std::string& directory);

// The directory with the files of a container that has no disk of its own (simfs).
[[nodiscard]] Result<std::optional<std::string>> find_simfs(const FileSystem& files,
                                                            const std::string& root,
                                                            const PrivateArea& area);

}  // namespace ploopu
