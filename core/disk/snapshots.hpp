// SPDX-License-Identifier: GPL-2.0-or-later
// The tree of snapshots that a descriptor describes, with the names that vzctl gave them
// (docs/FORMAT.md#shots, docs/FORMAT.md#snapshot-names).
//
//     PLOOPU_TRY(const auto found, read_snapshots(tree, location));
//     for (const auto& snapshot : found.snapshots) ...
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"
#include "core/format/disk_descriptor.hpp"

namespace ploopu {

// The entry of one snapshot in Snapshots.xml. All of it is text from a stranger.
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
  std::optional<std::string> parent;  // GUID; nothing for a root
  bool is_live = false;               // the state that the container goes on writing to
  SnapshotName name;
  std::string file;     // as written in the descriptor; empty if it lists no file for the shot
  size_t branches = 0;  // ancestors that have more than one child
};

struct SnapshotTree {
  std::vector<Snapshot> snapshots;  // parents before their children
  std::vector<std::string> warnings;
};

// Parses Snapshots.xml; `name` is its path for messages. Items without a GUID, such as the
// outermost, are left out. ErrorKind::damaged for faulty XML.
[[nodiscard]] Result<std::vector<SnapshotName>> parse_snapshot_names(const std::string& text,
                                                                     const std::string& name);

// Joins the descriptor's shots with their names, in the order of the tree. `live_guid` is the GUID
// of the live state. Shots whose ancestors make a cycle come last, as roots.
[[nodiscard]] std::vector<Snapshot> snapshots_of(const DiskDescriptor& descriptor,
                                                 const std::string& live_guid,
                                                 const std::vector<SnapshotName>& names);

// Reads the descriptor, and the Snapshots.xml beside the image's directory if there is one, whose
// faults are warnings. ErrorKind::usage for a single file; else the errors of read_descriptor().
[[nodiscard]] Result<SnapshotTree> read_snapshots(const HostTree& tree,
                                                  const ImageLocation& location);

}  // namespace ploopu
