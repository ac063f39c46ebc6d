// SPDX-License-Identifier: GPL-2.0-or-later
// All containers of a host, or of a dead host's tree, with what their disks say in short.
// Source: docs/FORMAT.md#listing-containers, docs/FORMAT.md#private-areas and
// docs/FORMAT.md#layouts.
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
  unknown,  // nothing was found that tells
  ploop,
  qcow2,
  simfs,  // no disk: its files lie in the private area as they are
};

struct Container {
  std::string ctid;
  std::string name;  // NAME= of its configuration: text of a stranger, may be empty
  Layout layout = Layout::unknown;
  // Of this host: the descriptor, the qcow2 file, or the directory that holds the files; of others
  // the private area. Empty when that wasn't found.
  std::string path;
  std::optional<DiskFigures> disk;    // only of ploop images that can be read
  std::optional<uint64_t> snapshots;  // beside the live state
  std::string error;                  // what is damaged, or why something isn't known
};

struct Inventory {
  std::vector<Container> containers;  // one for each CTID, in no order that means anything
  std::vector<std::string> warnings;  // directories that couldn't be searched
};

// Containers are those that have a `root`/etc/vz/conf/CTID.conf, and directories called CTID where
// the global VE_PRIVATE or the default says that private areas are. One image is open at a time.
// Whatever is wrong with a container is in its `error`, and the others follow.
[[nodiscard]] Inventory take_inventory(const HostTree& tree);

// The words that may stand for a container.
struct KnownContainers {
  std::set<std::string> ctids;
  std::map<std::string, std::string> names;  // to the CTID; to nothing where the link tells none
};

// Told by the names of files alone, so that it is quick: a name can still be refused when it is
// used. What can't be read is left out.
[[nodiscard]] KnownContainers list_known_containers(const HostTree& tree);

}  // namespace ploopu
