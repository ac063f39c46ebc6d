// SPDX-License-Identifier: GPL-2.0-or-later
// Lists all containers of a host, or of a dead host's tree, with a few figures of their disks
// (docs/FORMAT.md#listing-containers, docs/FORMAT.md#private-areas, docs/FORMAT.md#layouts).
//
//     const Inventory inventory = take_inventory(HostTree(files, "/"));
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/files/host_tree.hpp"
#include "core/find/ploop_figures.hpp"

namespace ploopu {

enum class Layout {
  unknown,  // no file shows the layout
  ploop,
  qcow2,
  simfs,  // no disk: the container's files are in its private area
};

struct Container {
  std::string ctid;
  std::string name;  // NAME= in its configuration: text from a stranger, may be empty
  Layout layout = Layout::unknown;
  // A path of this host, by layout: the descriptor, the qcow2 file, the directory of the files, or
  // for an unknown layout the private area. Empty if that was not found.
  std::string path;
  std::optional<DiskFigures> disk;    // only for ploop images that can be read
  std::optional<uint64_t> snapshots;  // number of shots besides the live state
  std::string error;                  // damage, or the reason why a member is not known
};

struct Inventory {
  std::vector<Container> containers;  // an element for each CTID, in no useful order
  std::vector<std::string> warnings;  // a line for each directory that could not be searched
};

// Finds containers by their /etc/vz/conf/CTID.conf, and by directories with the name CTID where the
// global VE_PRIVATE or a default places private areas. Opens a single image at a time. A fault of a
// container is in its `error`, and doesn't affect the others.
[[nodiscard]] Inventory take_inventory(const HostTree& tree);

// The words that may stand for a container.
struct KnownContainers {
  std::set<std::string> ctids;
  std::map<std::string, std::string> names;  // the CTID for a name; empty if its link tells none
};

// Reads only names of files and texts of links, to be quick: a word can still be refused when it is
// used. Leaves out directories and links that can't be read.
[[nodiscard]] KnownContainers list_known_containers(const HostTree& tree);

}  // namespace ploopu
