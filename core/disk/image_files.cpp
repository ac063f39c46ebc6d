// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/image_files.hpp"

#include <algorithm>
#include <utility>

#include "core/base/path.hpp"
#include "core/confine/confined.hpp"

namespace ploopu {
namespace {

// Reads the descriptor at `path` by `read`, which returns a Result<TextFile>.
template <class Read>
Result<DescriptorText> read_text(const std::string& path, Read read) {
  Result<TextFile> file = read();
  // Whoever replaces it by other means than a rename takes it away for a moment.
  if (!file && file.error().kind == ErrorKind::not_found) file = read();
  if (!file) return tl::unexpected<Error>(std::move(file).error());
  return DescriptorText{path, std::move(file->text), file->identity};
}

// The place of a file that a descriptor lists.
struct ListedFile {
  std::string path;  // absolute when outside, else relative to the bundle's directory
  bool is_outside = false;
};

// Replaces an absolute path that doesn't exist by the file of that name beside the descriptor: a
// bundle that was moved still names its old place (docs/FORMAT.md#moved-bundles).
ListedFile beside_descriptor(const ImageLocation& location, const std::string& file,
                             std::vector<std::string>& warnings) {
  warnings.push_back(fmt::format("{}: <File> is '{}', which doesn't exist: using {} beside it",
                                 location.path, file, base_name(file)));
  return {base_name(file)};
}

Result<ListedFile> find_listed_file(const HostTree& tree, const ImageLocation& location,
                                    const DescriptorImage& image,
                                    std::vector<std::string>& warnings) {
  const std::string inside = directory_of(location.path) + "/";
  const bool is_absolute = image.file.starts_with('/');
  const std::string full = is_absolute ? image.file : image.directory + "/" + image.file;
  // The kernel keeps such a path inside the directory when the file is opened.
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
                "{}: <File> is '{}', which is outside of the image's directory: refused without "
                "--allow-outside",
                location.path, image.file);
  }
  warnings.push_back(fmt::format(
      "{}: is outside of the image's directory, but used as part of the image", found.path));
  return ListedFile{std::move(found.path), true};
}

// Parses one descriptor, without those that it is a clone of.
Result<DiskDescriptor> parse_one(const DescriptorText& text, AskedFiles& files) {
  auto descriptor = parse_disk_descriptor(text.text, text.path);
  if (!descriptor) {
    descriptor.error().message += files.backups_of(text.path);
    return descriptor;
  }
  for (auto& image : descriptor->images) image.directory = directory_of(text.path);
  return descriptor;
}

}  // namespace

std::string backups_beside(const FileSystem& files, const std::string& directory) {
  const auto names = files.list_directory(directory);
  if (!names) return "";
  std::string found;
  for (const auto& name : *names) {
    if (!name.starts_with(kDescriptorName) || name == kDescriptorName) continue;
    if (name == std::string(kDescriptorName) + ".lck") continue;  // libploop's lock file
    if (found.size() > 256) return found + " and more: check whether one is a backup";
    found += (found.empty() ? "; there is " : ", ") + name;
  }
  return found.empty() ? "" : found + ": check whether that is a backup";
}

Result<DiskDescriptor> parse_descriptor(const DescriptorText& text, AskedFiles& files) {
  PLOOPU_TRY(auto clone, parse_one(text, files));
  std::vector<FileIdentity> seen = {text.identity};
  size_t bytes = text.text.size();
  std::string path = text.path;
  for (auto clone_of = clone.clone_of; clone_of;) {
    PLOOPU_TRY(const auto parent_text, files.read_parent(path, *clone_of));
    PLOOPU_TRY(const auto parent, parse_one(parent_text, files));
    path = parent_text.path;
    if (std::find(seen.begin(), seen.end(), parent_text.identity) != seen.end()) {
      return fail(ErrorKind::damaged, "{}: is a clone of itself, by way of {}", text.path, path);
    }
    seen.push_back(parent_text.identity);
    bytes += parent_text.text.size();
    if (seen.size() > kMaxCloneLevels || bytes > kMaxCloneBytes) {
      return fail(ErrorKind::damaged,
                  "{}: is a clone of clones, more than {} levels or {} bytes of descriptors deep",
                  text.path, kMaxCloneLevels, kMaxCloneBytes);
    }
    append_parent(clone, parent);
    clone_of = parent.clone_of;
  }
  return clone;
}

Result<DiskDescriptor> read_descriptor(LocatedFiles& files) {
  PLOOPU_TRY(const auto text, files.read_descriptor());
  return confined<DiskDescriptor>(
      {files.location().path},
      [&](Outside& outside) {
        AskedFiles asked(outside);
        return parse_descriptor(text, asked);
      },
      [&](const std::string& request) {
        return files.serve(request, LocatedFiles::Keep::nothing);
      });
}

Result<DescriptorText> LocatedFiles::read_descriptor() {
  return texts_.empty() ? read(location_.path) : Result<DescriptorText>(texts_.front());
}

void LocatedFiles::forget() {
  texts_.clear();
  opened_.clear();
  directory_.reset();
}

Result<const ImageDirectory*> LocatedFiles::directory() {
  if (!directory_) {
    PLOOPU_TRY(directory_, tree_.files().open_directory(directory_of(location_.path)));
  }
  return directory_.get();
}

Result<DescriptorText> LocatedFiles::read_now(const std::string& path) {
  if (path != location_.path) {
    return read_text(path, [&] { return tree_.files().read_text(path, kMaxDescriptorBytes); });
  }
  PLOOPU_TRY(const auto bundle, directory());
  const std::string name(base_name(path));
  return read_text(path, [&] { return bundle->read_text(name, kMaxDescriptorBytes); });
}

Result<bool> LocatedFiles::have_changed() {
  for (const auto& known : texts_) {
    PLOOPU_TRY(const auto now, read_now(known.path));
    if (now.text != known.text) return true;
  }
  return false;
}

bool LocatedFiles::is_known(const std::string& path) const {
  return std::any_of(texts_.begin(), texts_.end(),
                     [&](const DescriptorText& text) { return text.path == path; });
}

Result<DescriptorText> LocatedFiles::read(const std::string& path) {
  if (texts_.size() > kMaxCloneLevels) {
    return fail(ErrorKind::damaged, "{}: is a clone of more than {} descriptors", location_.path,
                kMaxCloneLevels);
  }
  PLOOPU_TRY(auto text, read_now(path));
  texts_.push_back(text);
  return text;
}

// Finds the path of the parent of the clone whose descriptor is at `path`.
Result<std::string> LocatedFiles::find_parent(const std::string& path,
                                              const std::string& clone_of) const {
  const bool is_absolute = clone_of.starts_with('/');
  const std::string directory = is_absolute ? clone_of : directory_of(path) + "/" + clone_of;
  const std::string descriptor = directory + "/" + kDescriptorName;
  PLOOPU_TRY(auto found,
             is_absolute ? tree_.resolve(descriptor) : tree_.resolve_on_host(descriptor));
  if (found.type != PathType::regular) {
    return fail(found.type == PathType::missing ? ErrorKind::not_found : ErrorKind::damaged,
                "{}: is a clone of '{}', which has no {}", path, clone_of, kDescriptorName);
  }
  if (!location_.allow_outside && !found.path.starts_with(directory_of(location_.path) + "/")) {
    return fail(ErrorKind::refused,
                "{}: is a clone of '{}', which is outside of the image's directory: refused "
                "without --allow-outside",
                path, clone_of);
  }
  return std::move(found.path);
}

Result<DescriptorText> LocatedFiles::read_parent(const std::string& path,
                                                 const std::string& clone_of) {
  // A confined parser is not trusted: relative paths must start at a descriptor that was read.
  if (!is_known(path))
    return fail(ErrorKind::damaged, "{}: is not a descriptor of this image: refused", path);
  PLOOPU_TRY(const auto found, find_parent(path, clone_of));
  return read(found);
}

Result<Delta> LocatedFiles::open_listed(const DescriptorImage& image, bool is_base,
                                        uint32_t cluster_sectors,
                                        std::vector<std::string>& warnings) {
  if (!is_known(image.directory + "/" + base_name(location_.path)) &&
      !is_known(image.directory + "/" + kDescriptorName)) {
    return fail(ErrorKind::damaged, "{}: no descriptor was read there: refused", image.directory);
  }
  PLOOPU_TRY(const auto bundle, directory());
  PLOOPU_TRY(const auto listed, find_listed_file(tree_, location_, image, warnings));
  DeltaFile source;
  if (listed.is_outside) {
    source.name = listed.path;
    PLOOPU_TRY(source.file, bundle->open_image_outside(listed.path));
  } else {
    source.name = directory_of(location_.path) + "/" + listed.path;
    PLOOPU_TRY(source.file, bundle->open_image(listed.path));
  }
  // libploop writes Plain for a whole chain when its base is raw, but only the base can be raw
  // (docs/FORMAT.md#image-types). The contents of a raw file never decide: the guest wrote them.
  source.format = is_base && image.plain ? DeltaFormat::raw : DeltaFormat::ploop;
  source.cluster_sectors = cluster_sectors;
  return Delta::open(std::move(source));
}

std::string LocatedFiles::backups_of(const std::string& path) const {
  return is_known(path) ? backups_beside(tree_.files(), directory_of(path)) : "";
}

}  // namespace ploopu
