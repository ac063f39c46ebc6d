// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/image.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/path.hpp"

namespace ploopu {
namespace {

// What is not legal about m_FirstBlockOffset (FORMAT.md 1 and 1.1).
std::optional<std::string_view> oddity_of_data_offset(const Delta& delta) {
  const uint64_t announced = uint64_t{delta.header().data_sector} * kSectorSize;
  if (announced == 0 && delta.version() == 1) return std::nullopt;
  if (announced == 0) return "which version 2 doesn't allow";
  if (announced < delta.data_start()) return "which lies inside the table";
  if (announced > delta.file_size()) return "which lies behind the end of the file";
  if (delta.version() != 1 && announced % delta.cluster_size() != 0) {
    return "which is no multiple of the cluster";
  }
  return std::nullopt;
}

void warn_about_deltas(const Disk& disk, std::vector<std::string>& warnings) {
  for (size_t i = 0; i < disk.deltas().size(); ++i) {
    const Delta& delta = disk.deltas()[i];
    warn_about_delta(delta, warnings);
    if (const uint64_t damaged = disk.usage(i).damaged; damaged > 0) {
      warnings.push_back(fmt::format(
          "{}: {} of {} clusters are not wholly in the file: reading what is missing gives EIO",
          delta.name(), damaged, disk.usage(i).allocated));
    }
    if (i > 0 && disk.deltas()[i - 1].disk_size() > delta.disk_size()) {
      warnings.push_back(
          fmt::format("{}: describes a smaller disk than the delta below it", delta.name()));
    }
  }
}

// A file that is its own parent is a mistake or an attack: its gaps would be filled with itself.
Result<void> refuse_repeated_files(const std::vector<Delta>& deltas, const std::string& path) {
  for (size_t i = 0; i < deltas.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (deltas[i].file().identity() == deltas[j].file().identity()) {
        return fail(ErrorKind::damaged, "{}: {} and {} are the same file: refused", path,
                    deltas[j].name(), deltas[i].name());
      }
    }
  }
  return {};
}

// A header that is no longer as it was read: somebody writes to the image, and its table may be of
// either state.
Result<void> refuse_changed_headers(const Disk& disk) {
  for (const auto& delta : disk.deltas()) PLOOPU_CHECK(delta.check_unchanged());
  return {};
}

// Opens what `descriptor` said when it was read.
Result<Image> open_described(const HostTree& tree, const DiskDescriptor& descriptor,
                             ImageLocation location, const std::string& which) {
  PLOOPU_TRY(const auto shot, find_shot(descriptor, which, location.path));
  PLOOPU_TRY(const auto chain, chain_to(descriptor, shot, location.path));
  std::vector<Delta> deltas;
  std::vector<std::string> guids;
  std::vector<std::string> warnings = descriptor.oddities;
  for (const auto& image : chain) {
    auto delta = open_listed_delta(tree, location, image, deltas.empty(),
                                   descriptor.cluster_sectors, warnings);
    if (!delta && delta.error().kind == ErrorKind::not_found) {
      return fail(ErrorKind::damaged,
                  "{}: this state needs that delta; 'ploopu snapshots' lists other states",
                  delta.error().message);
    }
    if (!delta) return tl::unexpected<Error>(std::move(delta).error());
    deltas.push_back(*std::move(delta));
    guids.push_back(image.guid);
  }
  PLOOPU_CHECK(refuse_repeated_files(deltas, location.path));
  PLOOPU_TRY(auto disk, Disk::assemble(std::move(deltas)));
  PLOOPU_CHECK(refuse_changed_headers(disk));
  const auto live = find_shot(descriptor, "top", location.path);
  const bool is_live = live && *live == shot;
  Image image{std::move(location), std::move(disk), std::move(guids), std::move(warnings)};
  if (!is_live) image.snapshot = shot;
  // <Disk_size> is that of the live state: snapshots may be smaller.
  if (is_live) {
    warn_about_descriptor(descriptor, image.disk.size(), image.disk.cluster_size(),
                          image.location.path, image.warnings);
  }
  return image;
}

// A snapshot that is made or merged meanwhile replaces the descriptor and then removes files. So
// the descriptor is read again in the end, also after an error: it must say the same.
Result<Image> open_descriptor(const HostTree& tree, const ImageLocation& location,
                              const std::string& which) {
  PLOOPU_TRY(auto descriptor, read_descriptor(tree, location));
  for (const bool is_last_try : {false, true}) {
    auto image = open_described(tree, descriptor, location, which);
    PLOOPU_TRY(auto now, read_descriptor(tree, location));
    if (now == descriptor) return image;
    if (is_last_try) break;
    descriptor = std::move(now);
  }
  return fail(ErrorKind::busy, "{}: changes while it is read: try again", location.path);
}

Result<Image> open_single_file(const HostTree& tree, ImageLocation location) {
  DeltaFile source;
  source.name = location.path;
  PLOOPU_TRY(source.file, tree.files().open_image(location.path));
  PLOOPU_TRY(auto delta, Delta::open(std::move(source)));
  std::vector<Delta> deltas;
  deltas.push_back(std::move(delta));
  PLOOPU_TRY(auto disk, Disk::assemble(std::move(deltas)));
  PLOOPU_CHECK(refuse_changed_headers(disk));
  return Image{std::move(location), std::move(disk), {}, {}};
}

// "root.hdd.{GUID}", "harddisk.hdd.0.{GUID}.hds": so the deltas of snapshots are called.
bool is_named_like_a_delta(const std::string& path) {
  const std::string name = base_name(path);
  const size_t open = name.find(".{");
  return open != std::string::npos && name.find('}', open) == open + 2 + 36;
}

// The image that a descriptor beside `file` calls by that name, opened with what lies below it;
// nothing when there is no descriptor, it can't be read, or it doesn't know the file.
Result<std::optional<Image>> open_by_descriptor_beside(const HostTree& tree,
                                                       const ImageLocation& file,
                                                       const std::string& descriptor_path) {
  const auto descriptor = read_descriptor(tree, descriptor_path);
  if (!descriptor) return std::nullopt;
  PLOOPU_TRY(const auto named, tree.files().open_image(file.path));
  ImageLocation location = file;
  location.path = descriptor_path;
  location.is_descriptor = true;
  // Files in different directories may have one name.
  for (const auto& listed : descriptor->images) {
    if (base_name(listed.file) != base_name(file.path)) continue;
    PLOOPU_TRY(auto image, open_descriptor(tree, location, listed.guid));
    if (image.disk.deltas().back().file().identity() != named->identity()) continue;
    if (image.guids.size() > 1 || image.snapshot) {
      image.warnings.push_back(
          fmt::format("{}: is one delta of {}: opened with what lies below it, as snapshot {}",
                      file.path, descriptor_path, listed.guid));
    }
    return image;
  }
  return std::nullopt;
}

// A delta alone would show zeros where the deltas below it have data.
Result<Image> open_file(const HostTree& tree, ImageLocation location) {
  const std::string beside = directory_of(location.path) + "/" + kDescriptorName;
  PLOOPU_TRY(const auto found, tree.files().resolve("/", beside));
  const bool has_descriptor = found.type == PathType::regular;
  if (has_descriptor) {
    PLOOPU_TRY(auto image, open_by_descriptor_beside(tree, location, found.path));
    if (image) return *std::move(image);
  }
  const bool may_have_parent = has_descriptor || is_named_like_a_delta(location.path);
  PLOOPU_TRY(auto image, open_single_file(tree, std::move(location)));
  if (may_have_parent) {
    image.warnings.push_back(
        fmt::format("{}: may be the delta of a snapshot, and no {} says what lies below it: its "
                    "gaps may not be zeros",
                    image.location.path, kDescriptorName));
  }
  return image;
}

Result<void> find_exposed_directories(const HostTree& tree, Image& image) {
  std::set<std::string> directories = {directory_of(image.location.path)};
  for (const auto& delta : image.disk.deltas()) directories.insert(directory_of(delta.name()));
  std::set<std::string> exposed;
  for (const auto& directory : directories) {
    PLOOPU_TRY(const auto found, tree.files().writable_by_others(directory));
    exposed.insert(found.begin(), found.end());
  }
  for (const auto& directory : exposed) {
    image.warnings.push_back(fmt::format(
        "{}: everybody may write to this directory, and so replace files of the image", directory));
  }
  image.writable_by_others.assign(exposed.begin(), exposed.end());
  return {};
}

}  // namespace

void warn_about_delta(const Delta& delta, std::vector<std::string>& warnings) {
  if (delta.in_use()) {
    warnings.push_back(fmt::format(
        "{}: was not closed: its container is running, or crashed; newest changes may be missing",
        delta.name()));
  }
  if (const uint32_t flags = delta.header().unknown_flags(); flags != 0) {
    warnings.push_back(
        fmt::format("{}: m_Flags has unknown flags {:#x}: ignored", delta.name(), flags));
  }
  if (!delta.is_raw() && delta.bat_entries() < delta.disk_clusters()) {
    warnings.push_back(fmt::format(
        "{}: m_Size is {}, but the disk has {} clusters: the rest is taken for unallocated",
        delta.name(), delta.bat_entries(), delta.disk_clusters()));
  }
  if (const auto oddity = delta.is_raw() ? std::nullopt : oddity_of_data_offset(delta)) {
    warnings.push_back(fmt::format("{}: m_FirstBlockOffset is {}, {}: nothing is read by it",
                                   delta.name(), delta.header().data_sector, *oddity));
  }
}

void warn_about_descriptor(const DiskDescriptor& descriptor, uint64_t disk_size,
                           uint64_t cluster_size, const std::string& path,
                           std::vector<std::string>& warnings) {
  if (descriptor.disk_sectors != disk_size / kSectorSize) {
    warnings.push_back(
        fmt::format("{}: <Disk_size> is {} sectors, but the newest delta says {}: using that", path,
                    descriptor.disk_sectors, disk_size / kSectorSize));
  }
  if (descriptor.cluster_sectors * kSectorSize != cluster_size) {
    warnings.push_back(
        fmt::format("{}: <Blocksize> is {} sectors, but the deltas say {}: using that", path,
                    descriptor.cluster_sectors, cluster_size / kSectorSize));
  }
  for (const auto& guid : repeated_guids(descriptor)) {
    warnings.push_back(
        fmt::format("{}: the GUID {} appears more than once: the first one is meant", path, guid));
  }
}

Result<Image> open_image(const HostTree& tree, ImageLocation location,
                         const std::string& snapshot) {
  if (!location.is_descriptor && !snapshot.empty()) {
    return fail(ErrorKind::usage, "{}: is a single file: choose snapshots of a {} or container",
                location.path, kDescriptorName);
  }
  PLOOPU_TRY(auto image, location.is_descriptor ? open_descriptor(tree, location, snapshot)
                                                : open_file(tree, std::move(location)));
  warn_about_deltas(image.disk, image.warnings);
  PLOOPU_CHECK(find_exposed_directories(tree, image));
  image.warnings.insert(image.warnings.begin(), image.location.warnings.begin(),
                        image.location.warnings.end());
  return image;
}

}  // namespace ploopu
