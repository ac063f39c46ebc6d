// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/image_files.hpp"

#include <algorithm>
#include <utility>

#include "core/base/path.hpp"
#include "core/confine/confined.hpp"

namespace ploopu {
namespace {

// One descriptor, and which file it is: a clone of itself is found by that.
struct ReadDescriptor {
  DiskDescriptor descriptor;
  FileIdentity identity;
  size_t bytes = 0;
};

Result<ReadDescriptor> read_one(const FileSystem& files, const std::string& path) {
  auto text = files.read_text(path, kMaxDescriptorBytes);
  // Whoever replaces it by other means than a rename takes it away for a moment.
  if (!text && text.error().kind == ErrorKind::not_found) {
    text = files.read_text(path, kMaxDescriptorBytes);
  }
  if (!text) return tl::unexpected<Error>(std::move(text).error());
  auto descriptor =
      confined<DiskDescriptor>(path, {}, [&] { return parse_disk_descriptor(text->text, path); });
  if (!descriptor) {
    descriptor.error().message += backups_beside(files, directory_of(path));
    return tl::unexpected<Error>(std::move(descriptor).error());
  }
  for (auto& image : descriptor->images) image.directory = directory_of(path);
  return ReadDescriptor{*std::move(descriptor), text->identity, text->text.size()};
}

// Where the descriptor lies of which the one at `path` is a clone.
Result<std::string> find_parent(const HostTree& tree, const ImageLocation& location,
                                const std::string& path, const std::string& clone_of) {
  const bool is_absolute = clone_of.starts_with('/');
  const std::string directory = is_absolute ? clone_of : directory_of(path) + "/" + clone_of;
  const std::string descriptor = directory + "/" + kDescriptorName;
  PLOOPU_TRY(auto found, is_absolute ? tree.resolve(descriptor) : tree.resolve_on_host(descriptor));
  if (found.type != PathType::regular) {
    return fail(found.type == PathType::missing ? ErrorKind::not_found : ErrorKind::damaged,
                "{}: is a clone of '{}', and there is no {} in that", path, clone_of,
                kDescriptorName);
  }
  if (!location.allow_outside && !found.path.starts_with(directory_of(location.path) + "/")) {
    return fail(ErrorKind::refused,
                "{}: is a clone of '{}', which lies outside of the image's directory: refused "
                "without --allow-outside",
                path, clone_of);
  }
  return std::move(found.path);
}

// A file that a descriptor lists, found but not opened.
struct ListedFile {
  std::string path;  // absolute when outside, else relative to the bundle's directory
  bool is_outside = false;
};

// An absolute path that is no longer there: a bundle that was moved or copied still names its old
// place, and what lies beside the descriptor under that name is meant (FORMAT.md 4.3).
ListedFile beside_descriptor(const ImageLocation& location, const std::string& file,
                             std::vector<std::string>& warnings) {
  warnings.push_back(fmt::format("{}: <File> is '{}', which doesn't exist: taking {} beside it",
                                 location.path, file, base_name(file)));
  return {base_name(file)};
}

Result<ListedFile> find_listed_file(const HostTree& tree, const ImageLocation& location,
                                    const DescriptorImage& image,
                                    std::vector<std::string>& warnings) {
  const std::string inside = directory_of(location.path) + "/";
  const bool is_absolute = image.file.starts_with('/');
  const std::string full = is_absolute ? image.file : image.directory + "/" + image.file;
  // Without permission to go elsewhere, the kernel sees to it that the path stays inside.
  if (!location.allow_outside && full.starts_with(inside)) {
    return ListedFile{full.substr(inside.size())};
  }
  PLOOPU_TRY(auto found, is_absolute ? tree.resolve(full) : tree.resolve_on_host(full));
  if (found.path.starts_with(inside) && found.type != PathType::missing) {
    return ListedFile{found.path.substr(inside.size())};
  }
  if (found.type == PathType::missing) {
    if (is_absolute) return beside_descriptor(location, image.file, warnings);
    return fail(ErrorKind::not_found, "{}: no such file", full);
  }
  if (found.type != PathType::regular) {
    return fail(ErrorKind::damaged, "{}: <File> is '{}', which is not a regular file: refused",
                location.path, image.file);
  }
  if (!location.allow_outside) {
    return fail(ErrorKind::refused,
                "{}: <File> is '{}', which lies outside of the image's directory: refused without "
                "--allow-outside",
                location.path, image.file);
  }
  warnings.push_back(
      fmt::format("{}: lies outside of the image's directory, and is used as if it "
                  "belonged there",
                  found.path));
  return ListedFile{std::move(found.path), true};
}

}  // namespace

std::string backups_beside(const FileSystem& files, const std::string& directory) {
  const auto names = files.list_directory(directory);
  if (!names) return "";
  std::string found;
  for (const auto& name : *names) {
    if (!name.starts_with(kDescriptorName) || name == kDescriptorName) continue;
    if (name == std::string(kDescriptorName) + ".lck") continue;  // ploop's own
    if (found.size() > 256) return found + " and more: look whether one is a backup";
    found += (found.empty() ? "; there is " : ", ") + name;
  }
  return found.empty() ? "" : found + ": look whether that is a backup";
}

Result<DiskDescriptor> read_descriptor(const HostTree& tree, const std::string& path) {
  PLOOPU_TRY(auto read, read_one(tree.files(), path));
  return std::move(read.descriptor);
}

Result<DiskDescriptor> read_descriptor(const HostTree& tree, const ImageLocation& location) {
  PLOOPU_TRY(auto clone, read_one(tree.files(), location.path));
  std::vector<FileIdentity> seen = {clone.identity};
  std::string path = location.path;
  for (auto clone_of = clone.descriptor.clone_of; clone_of;) {
    PLOOPU_TRY(path, find_parent(tree, location, path, *clone_of));
    PLOOPU_TRY(const auto parent, read_one(tree.files(), path));
    if (std::find(seen.begin(), seen.end(), parent.identity) != seen.end()) {
      return fail(ErrorKind::damaged, "{}: is a clone of itself, by way of {}", location.path,
                  path);
    }
    seen.push_back(parent.identity);
    clone.bytes += parent.bytes;
    if (seen.size() > kMaxCloneLevels || clone.bytes > kMaxCloneBytes) {
      return fail(ErrorKind::damaged,
                  "{}: is a clone of clones, more than {} levels or {} bytes of descriptors deep",
                  location.path, kMaxCloneLevels, kMaxCloneBytes);
    }
    append_parent(clone.descriptor, parent.descriptor);
    clone_of = parent.descriptor.clone_of;
  }
  return std::move(clone.descriptor);
}

Result<Delta> open_listed_delta(const HostTree& tree, const ImageLocation& location,
                                const DescriptorImage& image, bool is_base,
                                uint32_t cluster_sectors, std::vector<std::string>& warnings) {
  const std::string directory = directory_of(location.path);
  PLOOPU_TRY(const auto listed, find_listed_file(tree, location, image, warnings));
  DeltaFile source;
  if (listed.is_outside) {
    source.name = listed.path;
    PLOOPU_TRY(source.file, tree.files().open_image_outside(directory, listed.path));
  } else {
    source.name = directory + "/" + listed.path;
    PLOOPU_TRY(source.file, tree.files().open_image_beneath(directory, listed.path));
  }
  // libploop writes Plain for a whole chain when its base is raw: only a base can really be
  // (FORMAT.md 4.3). What a raw file contains is the guest's business and never decides.
  source.format = is_base && image.plain ? DeltaFormat::raw : DeltaFormat::ploop;
  source.cluster_sectors = cluster_sectors;
  return Delta::open(std::move(source));
}

}  // namespace ploopu
