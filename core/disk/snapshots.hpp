// SPDX-License-Identifier: GPL-2.0-or-later
// The tree of snapshots that a descriptor describes, with the names that vzctl gave them.
// Source: docs/FORMAT.md#shots and docs/FORMAT.md#snapshot-names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"
#include "core/format/disk_descriptor.hpp"

namespace ploopu {

// What Snapshots.xml says about one. All of it is text from a stranger.
struct SnapshotName {
  std::string guid;  // with braces, lower case
  std::string name;
  std::string date;  // "YYYY-MM-DD HH:MM:SS", local time of the host that made it
  std::string description;
};

template <class Codec>
void fields(Codec& codec, SnapshotName& name) {
  codec(name.guid, name.name, name.date, name.description);
}

struct Snapshot {
  std::string guid;
  std::optional<std::string> parent;  // none: a root
  bool is_live = false;               // the state that the container goes on writing to
  SnapshotName name;
  std::string file;     // as the descriptor writes it; empty when it lists none
  size_t branches = 0;  // ancestors that have more than one child
};

struct SnapshotTree {
  std::vector<Snapshot> snapshots;  // parents before their children
  std::vector<std::string> warnings;
};

// `name` is the file's path, for messages. Items without a GUID, as the outermost, are left out.
[[nodiscard]] Result<std::vector<SnapshotName>> parse_snapshot_names(const std::string& text,
                                                                     const std::string& name);

// In the order of the tree; shots whose ancestors make a cycle come last, as roots.
[[nodiscard]] std::vector<Snapshot> snapshots_of(const DiskDescriptor& descriptor,
                                                 const std::string& live_guid,
                                                 const std::vector<SnapshotName>& names);

// Reads the descriptor, and the Snapshots.xml that lies beside the image's directory if there is
// one: what is wrong with that is a warning. ErrorKind::usage for a single file.
[[nodiscard]] Result<SnapshotTree> read_snapshots(const HostTree& tree,
                                                  const ImageLocation& location);

}  // namespace ploopu
