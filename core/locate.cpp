// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/locate.hpp"

#include "core/container.hpp"
#include "core/disk_descriptor.hpp"

namespace ploopu {
namespace {

Result<ImageLocation> locate_container(const FileSystem& files, const std::string& root,
                                       const std::string& ctid) {
  PLOOPU_TRY(auto area, find_private_area(files, root, ctid));
  PLOOPU_TRY(auto descriptor, find_descriptor(files, area.path));
  return ImageLocation{std::move(descriptor), ctid, std::move(area.warnings)};
}

Result<ImageLocation> locate_path(const FileSystem& files, const std::string& path) {
  PLOOPU_TRY(auto resolved, files.resolve("/", path));
  switch (resolved.type) {
    case PathType::missing:
      return fail(ErrorKind::not_found, "{}: no such file or directory", path);
    case PathType::directory: {
      PLOOPU_TRY(auto descriptor, find_descriptor(files, resolved.path));
      return ImageLocation{std::move(descriptor), std::nullopt, {}};
    }
    case PathType::regular:
      return ImageLocation{std::move(resolved.path), std::nullopt, {}};
    case PathType::other:
      break;
  }
  return fail(ErrorKind::damaged, "{}: neither a regular file nor a directory", path);
}

}  // namespace

Result<std::string> find_descriptor(const FileSystem& files, const std::string& directory) {
  for (const char* inside : {"", "/root.hdd"}) {
    PLOOPU_TRY(auto found, files.resolve("/", directory + inside + "/" + kDescriptorName));
    if (found.type == PathType::regular) return std::move(found.path);
    if (found.type != PathType::missing) {
      return fail(ErrorKind::damaged, "{}: not a regular file", found.path);
    }
  }
  return fail(ErrorKind::not_found,
              "{}: there is no {} in it or in a root.hdd below it: name the image file itself",
              directory, kDescriptorName);
}

Result<ImageLocation> locate_image(const FileSystem& files, const std::string& root,
                                   const std::string& image) {
  if (image.find('/') != std::string::npos) return locate_path(files, image);
  if (const auto ctid = parse_ctid(image)) return locate_container(files, root, *ctid);
  return fail(ErrorKind::not_found,
              "'{}' is not a container ID (a number or a UUID); a path needs a slash, as in ./{}",
              image, image);
}

}  // namespace ploopu
