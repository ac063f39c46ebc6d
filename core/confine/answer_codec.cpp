// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/confine/answer_codec.hpp"

#include <optional>

#include <nlohmann/json.hpp>

#include "core/check/check.hpp"
#include "core/check/lost_files.hpp"
#include "core/disk/snapshots.hpp"
#include "core/format/disk_descriptor.hpp"
#include "core/volume/partitions.hpp"

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
void to_json(nlohmann::json& to, ErrorKind from) { to = static_cast<int>(from); }
void from_json(const nlohmann::json& from, ErrorKind& to) {
  to = checked_value(from, ErrorKind::not_permitted);
}
void to_json(nlohmann::json& to, ExtensionState from) { to = static_cast<int>(from); }
void from_json(const nlohmann::json& from, ExtensionState& to) {
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
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TableAnswer, pieces, usage, splits, clusters_allocated)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ExtensionAnswer, extension, bytes_left)
// NOLINTEND(*)

template <class T>
std::string encode_answer(const Result<T>& result) {
  nlohmann::json answer;
  if (result) {
    answer["value"] = *result;
  } else {
    answer["error"] = result.error();
  }
  std::string bytes;
  nlohmann::json::to_cbor(answer, bytes);
  return bytes;
}

template <class T>
Result<T> decode_answer(const std::string& bytes, const std::string& what) {
  try {
    const auto answer = nlohmann::json::from_cbor(bytes);
    if (const auto error = answer.find("error"); error != answer.end()) {
      return tl::unexpected<Error>(error->get<Error>());
    }
    return answer.at("value").get<T>();
  } catch (const nlohmann::json::exception&) {
    return fail(ErrorKind::damaged, "{}: who parses it gave no sound answer: refused", what);
  }
}

template std::string encode_answer(const Result<bool>&);
template std::string encode_answer(const Result<CheckReport>&);
template std::string encode_answer(const Result<DiskDescriptor>&);
template std::string encode_answer(const Result<DiskLayout>&);
template std::string encode_answer(const Result<ExtensionAnswer>&);
template std::string encode_answer(const Result<LostFiles>&);
template std::string encode_answer(const Result<TableAnswer>&);
template std::string encode_answer(const Result<std::vector<SnapshotName>>&);
template Result<bool> decode_answer(const std::string&, const std::string&);
template Result<CheckReport> decode_answer(const std::string&, const std::string&);
template Result<DiskDescriptor> decode_answer(const std::string&, const std::string&);
template Result<DiskLayout> decode_answer(const std::string&, const std::string&);
template Result<ExtensionAnswer> decode_answer(const std::string&, const std::string&);
template Result<LostFiles> decode_answer(const std::string&, const std::string&);
template Result<TableAnswer> decode_answer(const std::string&, const std::string&);
template Result<std::vector<SnapshotName>> decode_answer(const std::string&, const std::string&);

}  // namespace ploopu
