// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/vz/vz_disks.hpp"

namespace ploopu {

// Where an image is, and what is known about its container; core/find/locate finds it.
struct ImageLocation {
  std::string path;                 // of this host: a descriptor or an image file, links resolved
  std::optional<std::string> ctid;  // when the user named a container
  std::vector<std::string> warnings;
  bool is_descriptor = false;  // otherwise a single image file
  bool allow_outside = false;  // files of the image may lie outside of the descriptor's directory
  std::string private_area;    // of this host; empty unless the user named a container
  std::vector<VzDisk> disks;   // of the container, besides root.hdd
};

}  // namespace ploopu
