// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/check/check.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/base/list.hpp"
#include "core/check/check_descriptor.hpp"
#include "core/check/check_table.hpp"
#include "core/confine/confined.hpp"
#include "core/disk/image.hpp"
#include "core/format/format_extension.hpp"

namespace ploopu {
namespace {

// What a backup has stored about the disk. An error only where the file itself says that it is
// valid: writers that don't know of it leave a stale one behind. Returns the clusters that it
// takes.
uint64_t check_extension(const Delta& delta, ExtensionReader& reader, CheckReport& report) {
  const auto extension = reader.read(delta);
  const auto message = extension.message(delta.name());
  switch (extension.state) {
    case ExtensionState::none:
    case ExtensionState::valid:
      break;
    case ExtensionState::corrupt:
      report.errors.push_back({"extension", message});
      break;
    case ExtensionState::stale:
    case ExtensionState::untrusted:
    case ExtensionState::unknown:
      report.warnings.push_back(message);
      break;
  }
  return extension.clusters;
}

// Everything that one file of an image is asked.
void check_delta(const Delta& delta, ExtensionReader& extensions, CheckReport& report) {
  warn_about_delta(delta, report.warnings);
  if (delta.is_raw()) return;
  check_header_fields(delta, report);
  const uint64_t extension_clusters = check_extension(delta, extensions, report);
  const auto found = confined<CheckReport>(delta.name(), {delta.file().descriptor()},
                                           [&]() -> Result<CheckReport> {
                                             CheckReport part;
                                             check_table(delta, extension_clusters, part);
                                             return part;
                                           });
  if (!found) {
    report.errors.push_back({"header", found.error().message});
    return;
  }
  append(report.errors, found->errors);
  append(report.warnings, found->warnings);
  report.leaks += found->leaks;
  report.clusters_checked += found->clusters_checked;
}

// What reading gives EIO for, in one piece where it lies together.
void find_lost(const Disk& disk, CheckReport& report) {
  uint64_t end = 0;  // of the last lost piece
  for (uint64_t start = 0; start < disk.size();) {
    const Extent extent = disk.extent_at(start, UINT64_MAX);
    if (extent.kind == ExtentKind::unreadable) {
      report.lost_bytes += extent.length;
      if (end != start || report.lost_ranges == 0) {
        if (++report.lost_ranges <= kMaxListed) report.lost.push_back({start, 0});
      }
      if (report.lost_ranges <= kMaxListed) report.lost.back().length += extent.length;
      end = start + extent.length;
    }
    start += extent.length;
  }
}

const char* kind_of(const Error& error) {
  return error.kind == ErrorKind::not_found ? "missing-delta" : "header";
}

std::set<std::string> guids_needed(const DiskDescriptor& descriptor, const std::string& snapshot,
                                   const std::string& name, CheckReport& report) {
  std::set<std::string> needed;
  const auto shot = find_shot(descriptor, snapshot, name);
  const auto chain =
      shot ? chain_to(descriptor, *shot, name)
           : Result<std::vector<DescriptorImage>>(tl::unexpected<Error>(shot.error()));
  if (!chain) {
    report.errors.push_back({"chain", chain.error().message});
    return needed;
  }
  for (const auto& image : *chain) needed.insert(image.guid);
  return needed;
}

// Shots without a parent, and the parents of none: their image may be raw.
bool is_base(const DiskDescriptor& descriptor, const std::string& guid) {
  for (const auto& shot : descriptor.shots) {
    if (shot.guid == guid) return shot.parent == kNullGuid;
  }
  return descriptor.shots.empty();
}

// Whether that file was there before: checking it again would only take time.
bool is_repeated(const Delta& delta, std::set<std::pair<uint64_t, uint64_t>>& seen) {
  const FileIdentity identity = delta.file().identity();
  return !seen.emplace(identity.device, identity.inode).second;
}

Result<void> check_listed_files(const HostTree& tree, const ImageLocation& location,
                                const std::string& snapshot, CheckReport& report) {
  const auto descriptor = read_descriptor(tree, location);
  if (!descriptor) {
    if (descriptor.error().kind != ErrorKind::damaged) {
      return tl::unexpected<Error>(descriptor.error());
    }
    report.errors.push_back({"descriptor", descriptor.error().message});
    return {};
  }
  report.warnings = descriptor->oddities;
  const auto needed = guids_needed(*descriptor, snapshot, location.path, report);
  const std::string live = find_shot(*descriptor, "top", location.path).value_or("");
  std::map<std::string, ListedDelta> deltas;
  ExtensionReader extensions;
  std::set<std::pair<uint64_t, uint64_t>> seen;
  for (const auto& image : descriptor->images) {
    const auto delta = open_listed_delta(tree, location, image, is_base(*descriptor, image.guid),
                                         descriptor->cluster_sectors, report.warnings);
    if (delta && is_repeated(*delta, seen)) {
      report.errors.push_back({"descriptor", fmt::format("{}: {} is listed more than once",
                                                         location.path, delta->name())});
    } else if (delta) {
      check_delta(*delta, extensions, report);
      deltas.emplace(image.guid, ListedDelta{delta->name(), delta->version(), delta->cluster_size(),
                                             delta->disk_size()});
    } else if (delta.error().kind == ErrorKind::refused && needed.contains(image.guid)) {
      return tl::unexpected<Error>(delta.error());  // that doesn't mean that it is damaged
    } else if (needed.contains(image.guid)) {
      report.errors.push_back({kind_of(delta.error()), delta.error().message});
    } else {
      report.warnings.push_back(delta.error().message + " (the chosen state doesn't need it)");
    }
  }
  if (const auto top = deltas.find(live); top != deltas.end()) {
    warn_about_descriptor(*descriptor, top->second.disk_size, top->second.cluster_size,
                          location.path, report.warnings);
  }
  check_tree(*descriptor, deltas, location.path, report);
  check_directory(tree.files(), *descriptor, location.path, report);
  return {};
}

Result<void> check_single_file(const HostTree& tree, const ImageLocation& location,
                               CheckReport& report) {
  PLOOPU_TRY(auto file, tree.files().open_image(location.path));
  DeltaFile source;
  source.name = location.path;
  source.file = std::move(file);
  const auto delta = Delta::open(std::move(source));
  ExtensionReader extensions;
  if (delta) {
    check_delta(*delta, extensions, report);
  } else if (delta.error().kind == ErrorKind::refused) {
    return tl::unexpected<Error>(delta.error());
  } else {
    report.errors.push_back({"header", delta.error().message});
  }
  return {};
}

// Several checks may meet the same fault. The first message stays.
void drop_repeated_warnings(CheckReport& report) {
  std::set<std::string> seen;
  std::erase_if(report.warnings,
                [&](const std::string& text) { return !seen.insert(text).second; });
}

// The disk as a whole. Why it can't be put together may be known already from one of its files.
Result<void> check_disk(const HostTree& tree, const ImageLocation& location,
                        const std::string& snapshot, CheckReport& report) {
  const auto image = open_image(tree, location, snapshot);
  if (image) {
    append(report.warnings, image->warnings);
    find_lost(image->disk, report);
    return {};
  }
  report.is_readable = false;
  const bool is_known = std::any_of(
      report.errors.begin(), report.errors.end(),
      [&](const Damage& error) { return image.error().message.starts_with(error.message); });
  if (is_known) return {};
  if (image.error().kind != ErrorKind::damaged) return tl::unexpected<Error>(image.error());
  report.errors.push_back({"chain", image.error().message});
  return {};
}

}  // namespace

Result<CheckReport> check_image(const HostTree& tree, const ImageLocation& location,
                                const std::string& snapshot) {
  CheckReport report;
  if (location.is_descriptor) {
    PLOOPU_CHECK(check_listed_files(tree, location, snapshot, report));
  } else {
    PLOOPU_CHECK(check_single_file(tree, location, report));
  }
  PLOOPU_CHECK(check_disk(tree, location, snapshot, report));
  drop_repeated_warnings(report);
  return report;
}

}  // namespace ploopu
