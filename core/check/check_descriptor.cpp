// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/check/check_descriptor.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/base/path.hpp"
#include "core/format/ploop_header.hpp"

namespace ploopu {
namespace {

constexpr size_t kNamesLookedAt = 10000;  // a directory may have any number of names
constexpr size_t kNamesShown = 20;

// The parent's GUID by the shot's GUID. The first shot of a GUID counts.
using Parents = std::map<std::string_view, std::string_view>;

void check_pairing(const DiskDescriptor& descriptor, const Parents& parents,
                   const std::string& path, CheckReport& report) {
  std::set<std::string_view> images;
  for (const auto& image : descriptor.images) {
    images.insert(image.guid);
    if (!parents.contains(image.guid)) {
      report.warnings.push_back(
          fmt::format("{}: no <Shot> uses the image {} ({})", path, image.guid, image.file));
    }
  }
  for (const auto& [guid, parent] : parents) {
    if (!images.contains(guid)) {
      report.warnings.push_back(fmt::format("{}: the <Shot> {} has no <Image>", path, guid));
    }
    if (parent != kNullGuid && !parents.contains(parent)) {
      report.warnings.push_back(fmt::format(
          "{}: the <Shot> {} has the parent {}, which isn't listed", path, guid, parent));
    }
  }
}

// Reports shots that are their own ancestors. Passes each shot once, so the time is linear.
void check_cycles(const Parents& parents, const std::string& path, CheckReport& report) {
  std::map<std::string_view, size_t> passed_by;
  size_t walk = 0;
  for (const auto& [start, unused] : parents) {
    ++walk;
    std::string_view guid = start;
    for (auto shot = parents.find(guid); shot != parents.end(); shot = parents.find(guid)) {
      const auto [passed, is_new] = passed_by.emplace(guid, walk);
      if (!is_new) {
        if (passed->second == walk) {
          report.warnings.push_back(
              fmt::format("{}: the <Shot> {} is its own ancestor", path, guid));
        }
        break;
      }
      guid = shot->second;
    }
  }
}

void check_fit(const ListedDelta& delta, const ListedDelta& parent, CheckReport& report) {
  if (delta.cluster_size != parent.cluster_size) {
    report.warnings.push_back(
        fmt::format("{}: has clusters of {} bytes, but {} below it of {}: no state with both can "
                    "be read",
                    delta.name, delta.cluster_size, parent.name, parent.cluster_size));
  }
  if (parent.version != 0 && delta.version != parent.version) {
    report.warnings.push_back(
        fmt::format("{}: is ploop v{}, but {} below it is v{}: no state with both can be read",
                    delta.name, delta.version, parent.name, parent.version));
  }
  if (parent.disk_size > delta.disk_size) {
    report.warnings.push_back(
        fmt::format("{}: describes a smaller disk than the delta below it", delta.name));
  }
}

// True for the names of libploop's lock files, scratch files and backups, and of the descriptor.
bool is_no_delta(std::string_view name) {
  constexpr std::array<std::string_view, 6> kSuffixes = {".lck",    ".tmp", ".Backup",
                                                         ".statfs", ".mnt", ".idx"};
  return name.starts_with(kDescriptorName) ||
         std::any_of(kSuffixes.begin(), kSuffixes.end(),
                     [&](std::string_view suffix) { return name.ends_with(suffix); });
}

bool is_ploop_file(const ImageDirectory& directory, const std::string& name) {
  const auto file = directory.open_image(name);
  std::array<std::byte, 16> magic{};
  return file && (*file)->size() >= magic.size() && (*file)->read(0, magic) == 0 &&
         has_ploop_magic(magic);
}

}  // namespace

void check_tree(const DiskDescriptor& descriptor, const std::map<std::string, ListedDelta>& deltas,
                const std::string& path, CheckReport& report) {
  if (descriptor.shots.empty()) return;
  Parents parents;
  for (const auto& shot : descriptor.shots) parents.emplace(shot.guid, shot.parent);
  check_pairing(descriptor, parents, path, report);
  check_cycles(parents, path, report);
  for (const auto& [guid, parent] : parents) {
    const auto delta = deltas.find(std::string(guid));
    const auto below = deltas.find(std::string(parent));
    if (delta != deltas.end() && below != deltas.end()) {
      check_fit(delta->second, below->second, report);
    }
  }
}

void check_directory(const FileSystem& files, const DiskDescriptor& descriptor,
                     const std::string& path, CheckReport& report) {
  const std::string directory = directory_of(path);
  const auto names = files.list_directory(directory);
  const auto bundle = files.open_directory(directory);
  if (!names || !bundle) {
    report.warnings.push_back((names ? bundle.error() : names.error()).message);
    return;
  }
  std::set<std::string> listed;
  for (const auto& image : descriptor.images) {
    listed.insert(image.file.starts_with('/') ? base_name(image.file) : image.file);
  }
  std::vector<std::string> extra;
  for (size_t i = 0; i < std::min(names->size(), kNamesLookedAt); ++i) {
    const std::string& name = (*names)[i];
    if (listed.contains(name) || is_no_delta(name)) continue;
    if (is_ploop_file(**bundle, name)) extra.push_back(name);
  }
  if (extra.empty()) return;
  const size_t shown = std::min(extra.size(), kNamesShown);
  report.warnings.push_back(fmt::format(
      "{}: no <Image> lists {}{}, ploop files beside it", path,
      fmt::join(extra.begin(), extra.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
      extra.size() > shown ? fmt::format(" and {} more", extra.size() - shown) : ""));
}

}  // namespace ploopu
