// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/vz/vz_disks.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/guid.hpp"
#include "core/base/text.hpp"
#include "core/vz/private_area.hpp"

namespace ploopu {
namespace {

// Far more than any container has: each costs a look-up.
constexpr size_t kMaxDisks = 64;

constexpr size_t kUuidLength = 36;
constexpr size_t kMaxNumberLength = 3;  // longer digits begin a GUID

// Fills `disk` from the entry. Returns the fault of the entry; empty for a sound entry.
std::string parse_entry(std::string_view entry, VzDisk& disk) {
  for (const std::string_view part : split(entry, ',')) {
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) return "a part of it has no '='";
    const std::string_view key = part.substr(0, equals);
    const std::string value(part.substr(equals + 1));
    if (key == "uuid") {
      const auto uuid = parse_ctid(value);
      if (!uuid || uuid->size() != kUuidLength) return "its uuid is invalid";
      disk.uuid = "{" + lower_case(*uuid) + "}";
    } else if (key == "image") {
      disk.image = value;
    } else if (key == "device") {
      disk.device = value;
    } else if (key == "mnt") {
      disk.mountpoint = value;
    } else if (key == "enabled") {
      disk.enabled = value != "no";
    }
  }
  if (disk.uuid.empty()) return "it has no uuid";
  if (disk.image.find_first_of("$`") != std::string::npos) return "its image is not a plain path";
  return "";
}

Result<std::optional<VzDisk>> choose_root(const std::vector<VzDisk>& disks,
                                          const std::string& ctid) {
  std::optional<VzDisk> root;
  for (const auto& disk : disks) {
    if (!disk.is_root()) continue;
    if (root) {
      return fail(ErrorKind::usage,
                  "container {}: DISK has several entries with mnt=/, {} and {}: give the path of "
                  "the image",
                  ctid, root->uuid, disk.uuid);
    }
    root = disk;
  }
  return root;
}

}  // namespace

VzDisks parse_disks(std::string_view value, const std::string& file) {
  VzDisks list;
  size_t bad = 0;
  std::string first_reason;
  size_t number = 0;
  for (const std::string_view entry : split(value, ';')) {
    ++number;
    if (entry.empty()) continue;
    if (list.disks.size() == kMaxDisks) {
      list.warnings.push_back(
          fmt::format("{}: DISK: has more than {} disks: the rest is ignored", file, kMaxDisks));
      break;
    }
    VzDisk disk;
    const std::string reason = parse_entry(entry, disk);
    if (reason.empty()) {
      list.disks.push_back(std::move(disk));
    } else if (++bad == 1) {
      first_reason = fmt::format("entry {}: {}", number, reason);
    }
  }
  if (bad > 0) {
    list.warnings.push_back(fmt::format("{}: DISK: {} can't be parsed ({}): ignored", file,
                                        bad == 1 ? "an entry" : fmt::format("{} entries", bad),
                                        first_reason));
  }
  return list;
}

std::vector<VzDisk> further_disks(const std::vector<VzDisk>& disks) {
  std::vector<VzDisk> further;
  std::copy_if(disks.begin(), disks.end(), std::back_inserter(further),
               [](const VzDisk& disk) { return !disk.is_root(); });
  return further;
}

Result<std::optional<VzDisk>> choose_disk(const std::vector<VzDisk>& disks,
                                          const std::string& which, const std::string& ctid) {
  const std::string prefix = guid_prefix(which);
  if (prefix.empty() || prefix == "root" || prefix == guid_prefix(kNullGuid)) {
    return choose_root(disks, ctid);
  }
  if (const auto number = parse_number(which); number && which.size() <= kMaxNumberLength) {
    const auto further = further_disks(disks);
    if (*number >= 1 && *number <= further.size()) return further[*number - 1];
    return fail(ErrorKind::not_found,
                "container {} has {} further disks: --disk {} is none of them (the first is 1)",
                ctid, further.size(), which);
  }
  std::optional<VzDisk> found;
  for (const auto& disk : disks) {
    if (!guid_prefix(disk.uuid).starts_with(prefix)) continue;
    if (found) {
      return fail(ErrorKind::usage, "container {}: --disk {} is ambiguous: {} and {} match", ctid,
                  which, found->uuid, disk.uuid);
    }
    found = disk;
  }
  if (found) return found;
  return fail(ErrorKind::not_found, "container {} has no disk {}: list them with 'ploopu info {}'",
              ctid, which, ctid);
}

}  // namespace ploopu
