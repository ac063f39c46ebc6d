// SPDX-License-Identifier: GPL-2.0-or-later
// The forms in which results of parsing go from one process to another of the same program.
#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "core/check.hpp"
#include "core/disk_descriptor.hpp"
#include "core/format_extension.hpp"
#include "core/lost_files.hpp"
#include "core/partitions.hpp"
#include "core/result.hpp"
#include "core/snapshots.hpp"

template <class T>
struct nlohmann::adl_serializer<std::optional<T>> {
  static void to_json(json& to, const std::optional<T>& from) {
    to = from ? json(*from) : json(nullptr);
  }
  static void from_json(const json& from, std::optional<T>& to) {
    if (!from.is_null()) to = from.get<T>();
  }
};

namespace ploopu {

// The last value of each is known: others never come into being.
template <class Enumeration>
Enumeration checked_value(const nlohmann::json& from, Enumeration last) {
  const auto value = from.get<uint64_t>();
  if (value > static_cast<uint64_t>(last)) {
    throw nlohmann::json::other_error::create(501, "no such value", &from);
  }
  return static_cast<Enumeration>(value);
}
inline void to_json(nlohmann::json& to, ErrorKind from) { to = static_cast<int>(from); }
inline void from_json(const nlohmann::json& from, ErrorKind& to) {
  to = checked_value(from, ErrorKind::not_permitted);
}
inline void to_json(nlohmann::json& to, ExtensionState from) { to = static_cast<int>(from); }
inline void from_json(const nlohmann::json& from, ExtensionState& to) {
  to = checked_value(from, ExtensionState::unknown);
}

// NOLINTBEGIN(*)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Error, kind, message)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DescriptorImage, guid, plain, file, directory)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DescriptorShot, guid, parent)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DiskDescriptor, disk_sectors, cluster_sectors, top_guid, images,
                                   shots, clone_of, oddities)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SnapshotName, guid, name, date, description)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DirtyBitmap, id, size, granularity, dirty_bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FormatExtension, state, reason, bitmaps, ignored_features,
                                   clusters)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Partition, number, start, size, is_extended, fstype, label, uuid,
                                   is_ambivalent)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DiskLayout, table, partitions, warnings, is_excessive)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Damage, kind, message)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DiskRange, start, length)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CheckReport, errors, lost, is_readable, lost_ranges, lost_bytes,
                                   warnings, leaks, clusters_checked)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LostFile, partition, path, inode, part, lost)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LostMetadata, partition, what, lost)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LostFiles, files, metadata, unclaimed_bytes, notes)
// NOLINTEND(*)

}  // namespace ploopu
