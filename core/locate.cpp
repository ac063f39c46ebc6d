// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/locate.hpp"

#include <algorithm>
#include <span>
#include <string_view>

#include "core/container.hpp"
#include "core/disk_descriptor.hpp"
#include "core/text.hpp"

namespace ploopu {
namespace {

constexpr std::string_view kQcow2Magic = "QFI\xfb";

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The first bytes of a file; fewer when it is shorter, none when it can't be read.
std::string first_bytes(const FileSystem& files, const std::string& path) {
  std::string text(16, '\0');
  const auto file = files.open_image(path);
  if (!file) return {};
  text.resize(std::min<uint64_t>(text.size(), (*file)->size()));
  if ((*file)->read(0, std::as_writable_bytes(std::span(text))) != 0) return {};
  return text;
}

// No image begins like this, whatever the file is called.
bool looks_like_xml(const std::string& start) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::string_view text = start;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return trim(text).starts_with('<');
}

Result<void> refuse_qcow2(const FileSystem& files, const std::string& root,
                          const std::string& directory) {
  PLOOPU_TRY(const auto found, find_qcow2(files, root, directory));
  if (!found) return {};
  return fail(ErrorKind::damaged, "{}: is a qcow2 image, not ploop: open it with qemu-nbd", *found);
}

Result<void> refuse_simfs(const FileSystem& files, const std::string& root, const PrivateArea& area,
                          const std::string& ctid) {
  PLOOPU_TRY(const auto found, find_simfs(files, root, area));
  if (!found) return {};
  return fail(ErrorKind::not_found,
              "container {} has no ploop disk: its files lie in {} as they are (simfs)", ctid,
              *found);
}

Result<ImageLocation> locate_container(const FileSystem& files, const std::string& root,
                                       const std::string& ctid) {
  PLOOPU_TRY(auto area, find_private_area(files, root, ctid));
  PLOOPU_CHECK(refuse_simfs(files, root, area, ctid));
  PLOOPU_TRY(auto descriptor, find_descriptor(files, root, area.inside));
  return ImageLocation{std::move(descriptor), ctid, std::move(area.warnings), true, root};
}

Result<ImageLocation> locate_path(const FileSystem& files, const std::string& root,
                                  const std::string& path) {
  PLOOPU_TRY(auto resolved, files.resolve("/", path));
  switch (resolved.type) {
    case PathType::missing:
      return fail(ErrorKind::not_found, "{}: no such file or directory", path);
    case PathType::directory: {
      PLOOPU_TRY(auto descriptor, find_descriptor(files, "/", resolved.path));
      return ImageLocation{std::move(descriptor), std::nullopt, {}, true, root};
    }
    case PathType::regular: {
      // A link may have any name, and so may a copy; an empty descriptor is known by its name only.
      const bool is_descriptor = base_name(path) == kDescriptorName ||
                                 base_name(resolved.path) == kDescriptorName ||
                                 looks_like_xml(first_bytes(files, resolved.path));
      return ImageLocation{std::move(resolved.path), std::nullopt, {}, is_descriptor, root};
    }
    case PathType::other:
      break;
  }
  return fail(ErrorKind::damaged, "{}: neither a regular file nor a directory", path);
}

}  // namespace

Result<std::optional<std::string>> find_qcow2(const FileSystem& files, const std::string& root,
                                              const std::string& directory) {
  for (const char* inside : {"/root.hdd", "/root.hdd/root.hdd"}) {
    PLOOPU_TRY(auto found, files.resolve(root, directory + inside));
    if (found.type == PathType::regular &&
        first_bytes(files, found.path).starts_with(kQcow2Magic)) {
      return std::move(found.path);
    }
  }
  return std::nullopt;
}

Result<std::optional<std::string>> find_simfs(const FileSystem& files, const std::string& root,
                                              const PrivateArea& area) {
  PLOOPU_TRY(const auto disk, files.resolve(root, area.inside + "/root.hdd"));
  if (disk.type != PathType::missing) return std::nullopt;
  for (const char* files_are_in : {"/fs", ""}) {
    PLOOPU_TRY(const auto found, files.resolve(root, area.inside + files_are_in + "/etc"));
    if (found.type == PathType::directory) return area.path + files_are_in;
  }
  return std::nullopt;
}

Result<std::string> find_descriptor(const FileSystem& files, const std::string& root,
                                    const std::string& directory) {
  for (const char* inside : {"", "/root.hdd"}) {
    PLOOPU_TRY(auto found, files.resolve(root, directory + inside + "/" + kDescriptorName));
    if (found.type == PathType::regular) return std::move(found.path);
    if (found.type != PathType::missing) {
      return fail(ErrorKind::damaged, "{}: not a regular file", found.path);
    }
  }
  PLOOPU_CHECK(refuse_qcow2(files, root, directory));
  return fail(ErrorKind::not_found,
              "{}: there is no {} in it or in a root.hdd below it{}: name the image file itself",
              directory, kDescriptorName, root == "/" ? "" : " under " + root);
}

Result<ImageLocation> locate_image(const FileSystem& files, const std::string& root,
                                   const std::string& image) {
  if (image.find('/') != std::string::npos) return locate_path(files, root, image);
  if (const auto ctid = parse_ctid(image)) return locate_container(files, root, *ctid);
  return fail(ErrorKind::not_found,
              "'{}' is not a container ID (a number or a UUID); a path needs a slash, as in ./{}",
              image, image);
}

}  // namespace ploopu
