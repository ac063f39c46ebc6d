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
#include "core/disk/image_chain.hpp"
#include "core/disk/image_files.hpp"
#include "core/format/format_extension.hpp"

namespace ploopu {
namespace {

// Checks the format extension, in which a backup stores notes about the disk. A fault is an error
// only if the file declares the extension valid: writers that don't know of extensions leave a
// stale one behind. Returns the number of clusters that the extension takes.
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

// Runs all checks of a single file of an image.
void check_delta(const Delta& delta, ExtensionReader& extensions, CheckReport& report) {
  warn_about_delta(delta, report.warnings);
  if (delta.is_raw()) return;
  check_header_fields(delta, report);
  const uint64_t extension_clusters = check_extension(delta, extensions, report);
  check_table(delta, extension_clusters, report);
}

// Reports the ranges for which reading fails with EIO; adjacent extents are a single range.
void find_lost(const Disk& disk, CheckReport& report) {
  uint64_t end = 0;  // end of the last lost range
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

// Whether the shot is the root of a chain, so that its image may be raw.
bool is_base(const DiskDescriptor& descriptor, const std::string& guid) {
  for (const auto& shot : descriptor.shots) {
    if (shot.guid == guid) return shot.parent == kNullGuid;
  }
  return descriptor.shots.empty();
}

// The state that the checks of all listed files share.
struct ListedChecks {
  ExtensionReader extensions;
  std::set<std::pair<uint64_t, uint64_t>> seen;  // files
};

// Whether that file was there before: checking it again would only take time.
bool is_repeated(const Delta& delta, std::set<std::pair<uint64_t, uint64_t>>& seen) {
  const FileIdentity identity = delta.file().identity();
  return !seen.emplace(identity.device, identity.inode).second;
}

// The report on all files that a descriptor lists and on their tree.
struct ListedReport {
  CheckReport report;
  std::optional<DiskDescriptor> descriptor;  // nothing when it is damaged
};

template <class Codec>
void fields(Codec& codec, ListedReport& listed) {
  codec(listed.report, listed.descriptor);
}

// Checks the file of an <Image>. Returns facts about it for check_tree(); nothing if the file can't
// be opened or is listed twice. Fails if the chosen state needs a file that ploopu may not read.
Result<std::optional<ListedDelta>> check_listed(const DescriptorImage& image,
                                                const DiskDescriptor& descriptor, bool is_needed,
                                                const std::string& path, AskedFiles& files,
                                                ListedChecks& checks, CheckReport& report) {
  const auto delta = files.open_listed(image, is_base(descriptor, image.guid),
                                       descriptor.cluster_sectors, report.warnings);
  if (delta && is_repeated(*delta, checks.seen)) {
    report.errors.push_back(
        {"descriptor", fmt::format("{}: {} is listed more than once", path, delta->name())});
    return std::nullopt;
  }
  if (delta) {
    check_delta(*delta, checks.extensions, report);
    return ListedDelta{delta->name(), delta->version(), delta->cluster_size(), delta->disk_size()};
  }
  if (!is_needed) {
    report.warnings.push_back(delta.error().message + " (the chosen state doesn't need it)");
    return std::nullopt;
  }
  // A refused file need not be damaged, so the command fails instead of reporting damage.
  if (delta.error().kind == ErrorKind::refused) return tl::unexpected<Error>(delta.error());
  report.errors.push_back({kind_of(delta.error()), delta.error().message});
  return std::nullopt;
}

Result<ListedReport> check_listed_files(const DescriptorText& text, const std::string& snapshot,
                                        AskedFiles& files) {
  ListedReport listed;
  CheckReport& report = listed.report;
  const auto descriptor = parse_descriptor(text, files);
  if (!descriptor) {
    if (descriptor.error().kind != ErrorKind::damaged) {
      return tl::unexpected<Error>(descriptor.error());
    }
    report.errors.push_back({"descriptor", descriptor.error().message});
    return listed;
  }
  report.warnings = descriptor->oddities;
  const auto needed = guids_needed(*descriptor, snapshot, text.path, report);
  std::map<std::string, ListedDelta> deltas;
  ListedChecks checks;
  for (const auto& image : descriptor->images) {
    PLOOPU_TRY(auto delta, check_listed(image, *descriptor, needed.contains(image.guid), text.path,
                                        files, checks, report));
    if (delta) deltas.emplace(image.guid, *std::move(delta));
  }
  const std::string live = find_shot(*descriptor, "top", text.path).value_or("");
  if (const auto top = deltas.find(live); top != deltas.end()) {
    warn_about_descriptor(*descriptor, top->second.disk_size, top->second.cluster_size, text.path,
                          report.warnings);
  }
  check_tree(*descriptor, deltas, text.path, report);
  listed.descriptor = *descriptor;
  return listed;
}

Result<void> check_descriptor(const HostTree& tree, LocatedFiles& files,
                              const std::string& snapshot, CheckReport& report) {
  const std::string& path = files.location().path;
  PLOOPU_TRY(const auto text, files.read_descriptor());
  PLOOPU_TRY(auto listed, confined<ListedReport>(
                              {path, WorkSize::searching},
                              [&](Outside& outside) {
                                AskedFiles asked(outside);
                                return check_listed_files(text, snapshot, asked);
                              },
                              [&](const std::string& request) {
                                return files.serve(request, LocatedFiles::Keep::nothing);
                              }));
  report = std::move(listed.report);
  if (listed.descriptor) check_directory(tree.files(), *listed.descriptor, path, report);
  return {};
}

Result<void> check_single_file(const HostTree& tree, const ImageLocation& location,
                               CheckReport& report) {
  DeltaFile source;
  source.name = location.path;
  PLOOPU_TRY(source.file, tree.files().open_image(location.path));
  const auto delta = Delta::open(std::move(source));
  if (!delta && delta.error().kind == ErrorKind::refused) {
    return tl::unexpected<Error>(delta.error());
  }
  if (!delta) {
    report.errors.push_back({"header", delta.error().message});
    return {};
  }
  const WorkTask task{location.path, WorkSize::searching, {delta->file().descriptor()}};
  PLOOPU_TRY(report, confined<CheckReport>(task, [&]() -> Result<CheckReport> {
               CheckReport found;
               ExtensionReader extensions;
               check_delta(*delta, extensions, found);
               return found;
             }));
  return {};
}

// Keeps the first of equal warnings, since several checks may meet a fault.
void drop_repeated_warnings(CheckReport& report) {
  std::set<std::string> seen;
  std::erase_if(report.warnings,
                [&](const std::string& text) { return !seen.insert(text).second; });
}

// Checks the disk as a whole. If it can't be assembled, the check of a file may have reported the
// reason already.
Result<void> check_disk(Result<Image> image, CheckedImage& checked) {
  CheckReport& report = checked.report;
  if (image) {
    append(report.warnings, image->warnings);
    find_lost(image->disk, report);
    checked.image = *std::move(image);
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

Result<CheckedImage> check_image(const HostTree& tree, const ImageLocation& location,
                                 const std::string& snapshot, const Look& look) {
  CheckedImage checked;
  LocatedFiles files(tree, location);
  if (location.is_descriptor) {
    PLOOPU_CHECK(check_descriptor(tree, files, snapshot, checked.report));
  } else {
    PLOOPU_CHECK(check_single_file(tree, location, checked.report));
  }
  PLOOPU_CHECK(check_disk(open_image(tree, location, files, snapshot, look), checked));
  drop_repeated_warnings(checked.report);
  return checked;
}

}  // namespace ploopu
