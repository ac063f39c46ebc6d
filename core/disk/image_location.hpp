// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/vz/vz_disks.hpp"

namespace ploopu {

// The place of an image, and facts about its container. locate_image() of core/find finds both,
// from IMAGE on the command line.
struct ImageLocation {
  std::string path;  // a descriptor or an image file, as a path of this host with links resolved
  std::optional<std::string> ctid;  // nothing unless the user named a container
  std::vector<std::string> warnings;
  bool is_descriptor = false;  // otherwise a single image file
  bool allow_outside = false;  // files of the image may lie outside of the descriptor's directory
  std::string private_area;    // a path of this host; empty unless the user named a container
  std::vector<VzDisk> disks;   // disks of the container besides root.hdd
};

}  // namespace ploopu
