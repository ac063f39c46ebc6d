// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/find/locate.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "core/base/list.hpp"
#include "core/base/path.hpp"
#include "core/base/text.hpp"
#include "core/disk/image_files.hpp"
#include "core/format/disk_descriptor.hpp"
#include "core/vz/container_config.hpp"
#include "core/vz/container_name.hpp"
#include "core/vz/private_area.hpp"

namespace ploopu {
namespace {

constexpr std::string_view kQcow2Magic = "QFI\xfb";

// The first bytes of a file: all of a shorter file, none if it can't be read.
std::string first_bytes(const FileSystem& files, const std::string& path) {
  std::string text(16, '\0');
  const auto file = files.open_image(path);
  if (!file) return {};
  text.resize(std::min<uint64_t>(text.size(), (*file)->size()));
  if ((*file)->read(0, std::as_writable_bytes(std::span(text))) != 0) return {};
  return text;
}

// Whether a file begins like a descriptor. No image does, whatever its name.
bool looks_like_xml(const std::string& start) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::string_view text = start;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return trim(text).starts_with('<');
}

bool is_qcow2(const FileSystem& files, const ResolvedPath& found) {
  return found.type == PathType::regular && first_bytes(files, found.path).starts_with(kQcow2Magic);
}

tl::unexpected<Error> no_ploop_but_qcow2(const std::string& path) {
  return fail(ErrorKind::refused,
              "{}: is a qcow2 image (newer Virtuozzo), not ploop: use qemu-nbd -r -f qcow2", path);
}

// The configuration's claim that the container has a ploop disk, or has none; nothing without a
// claim. vzctl 4 writes VE_LAYOUT, libvzctl 7 makes a link with a number as its text.
struct LayoutClaim {
  bool is_ploop = false;
  std::string source;
};
Result<std::optional<LayoutClaim>> claimed_layout(const HostTree& tree,
                                                  const ContainerConfig& config,
                                                  PrivateArea& area) {
  constexpr uint64_t kPloopLayout = 5;
  PLOOPU_TRY(const auto link, tree.read_link(area.inside + "/.ve.layout"));
  if (const auto number = link ? parse_number(*link) : std::nullopt) {
    return LayoutClaim{*number >= kPloopLayout,
                       fmt::format("{}/.ve.layout is {}", area.inside, *number)};
  }
  const std::string* layout = own_value(config, "VE_LAYOUT", area.warnings);
  if (layout == nullptr || layout->empty()) return std::nullopt;
  return LayoutClaim{layout->starts_with("ploop"),
                     fmt::format("{}: VE_LAYOUT is '{}'", config.own_file, *layout)};
}

Result<void> refuse_simfs(const HostTree& tree, const PrivateArea& area, const std::string& ctid,
                          const std::optional<LayoutClaim>& claim) {
  PLOOPU_TRY(const auto found, find_simfs(tree, area));
  if (!found) return {};
  return fail(ErrorKind::not_found, "container {} has no ploop disk (simfs): its files are in {}{}",
              ctid, *found,
              claim && claim->is_ploop ? fmt::format(", although {}", claim->source) : "");
}

Result<void> locate_root_disk(const HostTree& tree, const ContainerConfig& config,
                              PrivateArea& area, ImageLocation& location) {
  PLOOPU_TRY(const auto claim, claimed_layout(tree, config, area));
  PLOOPU_CHECK(refuse_simfs(tree, area, config.ctid, claim));
  PLOOPU_TRY(location.path, find_descriptor(tree, area.inside));
  if (claim && !claim->is_ploop) {
    area.warnings.push_back(
        fmt::format("{}, but there is a ploop disk: using that", claim->source));
  }
  return {};
}

// Finds the image of a disk that the container's configuration lists.
Result<void> locate_listed_disk(const HostTree& tree, const PrivateArea& area,
                                const std::string& ctid, const VzDisk& disk,
                                ImageLocation& location) {
  if (disk.image.empty()) {
    return fail(ErrorKind::not_found, "container {}: its disk {} {}", ctid, disk.uuid,
                disk.device.empty() ? "has no image yet"
                                    : fmt::format("is {}, a block device of its host: there is no "
                                                  "image to open",
                                                  disk.device));
  }
  const std::string path =
      disk.image.starts_with('/') ? disk.image : area.inside + "/" + disk.image;
  PLOOPU_TRY(const auto found, tree.resolve(path));
  if (found.type == PathType::directory) {
    PLOOPU_TRY(location.path, find_descriptor(tree, path));
    return {};
  }
  if (is_qcow2(tree.files(), found)) return no_ploop_but_qcow2(found.path);
  return fail(ErrorKind::not_found, "container {}: the image of its disk {} is {}: {}", ctid,
              disk.uuid, path,
              found.type == PathType::missing ? "no such directory" : "not a directory");
}

Result<ImageLocation> locate_container(const HostTree& tree, const NamedContainer& container,
                                       const std::string& disk) {
  PLOOPU_TRY(const auto config, read_container_config(tree, container.ctid));
  PLOOPU_TRY(auto area, find_private_area(tree, config));
  PLOOPU_TRY(const auto listed, choose_disk(area.disks, disk, container.ctid));
  ImageLocation location;
  location.ctid = container.ctid;
  location.is_descriptor = true;
  location.private_area = area.path;
  location.disks = further_disks(area.disks);
  if (listed) {
    PLOOPU_CHECK(locate_listed_disk(tree, area, container.ctid, *listed, location));
  } else {
    PLOOPU_CHECK(locate_root_disk(tree, config, area, location));
  }
  location.warnings = container.warnings;
  append(location.warnings, std::move(area.warnings));
  return location;
}

ImageLocation location_of(std::string path, bool is_descriptor) {
  ImageLocation location;
  location.path = std::move(path);
  location.is_descriptor = is_descriptor;
  return location;
}

Result<ImageLocation> locate_path(const FileSystem& files, const std::string& path) {
  PLOOPU_TRY(auto resolved, files.resolve("/", path));
  switch (resolved.type) {
    case PathType::missing:
      return fail(ErrorKind::not_found, "{}: no such file or directory", path);
    case PathType::directory: {
      PLOOPU_TRY(auto descriptor, find_descriptor(HostTree(files, "/"), resolved.path));
      return location_of(std::move(descriptor), true);
    }
    case PathType::regular: {
      // A descriptor is known by its name or the name of a link to it, even if it is empty; a copy
      // with another name is known by its contents.
      const bool is_descriptor = base_name(path) == kDescriptorName ||
                                 base_name(resolved.path) == kDescriptorName ||
                                 looks_like_xml(first_bytes(files, resolved.path));
      return location_of(std::move(resolved.path), is_descriptor);
    }
    case PathType::other:
      break;
  }
  return fail(ErrorKind::damaged, "{}: neither a regular file nor a directory", path);
}

}  // namespace

Result<std::optional<std::string>> find_qcow2(const HostTree& tree, const std::string& directory) {
  for (const char* inside : {"/root.hdd", "/root.hdd/root.hdd"}) {
    PLOOPU_TRY(auto found, tree.resolve(directory + inside));
    if (is_qcow2(tree.files(), found)) return std::move(found.path);
  }
  return std::nullopt;
}

Result<std::optional<std::string>> find_simfs(const HostTree& tree, const PrivateArea& area) {
  PLOOPU_TRY(const auto disk, tree.resolve(area.inside + "/root.hdd"));
  if (disk.type != PathType::missing) return std::nullopt;
  for (const char* files_are_in : {"/fs", ""}) {
    PLOOPU_TRY(const auto found, tree.resolve(area.inside + files_are_in + "/etc"));
    if (found.type == PathType::directory) return area.path + files_are_in;
  }
  return std::nullopt;
}

Result<std::string> find_descriptor(const HostTree& tree, const std::string& directory) {
  for (const char* inside : {"", "/root.hdd"}) {
    PLOOPU_TRY(auto found, tree.resolve(directory + inside + "/" + kDescriptorName));
    if (found.type == PathType::regular) return std::move(found.path);
    if (found.type != PathType::missing) {
      return fail(ErrorKind::damaged, "{}: not a regular file", found.path);
    }
  }
  PLOOPU_TRY(const auto qcow2, find_qcow2(tree, directory));
  if (qcow2) return no_ploop_but_qcow2(*qcow2);
  const std::string here = tree.on_host(directory);
  return fail(
      ErrorKind::not_found,
      "{}: there is no {} in it or in a root.hdd below it{}: give the image file itself{}{}",
      directory, kDescriptorName, tree.under(), backups_beside(tree.files(), here),
      backups_beside(tree.files(), here + "/root.hdd"));
}

Result<ImageLocation> locate_image(const HostTree& tree, const std::string& image,
                                   const std::string& disk) {
  if (image.find('/') != std::string::npos) {
    if (disk.empty()) return locate_path(tree.files(), image);
    return fail(ErrorKind::usage,
                "--disk works with a container, not with a path: give the path of the image");
  }
  PLOOPU_TRY(const auto container, find_container(tree, image));
  if (container) return locate_container(tree, *container, disk);
  return fail(
      ErrorKind::not_found,
      "'{}' is not a container ID (a number or a UUID), nor a name in /etc/vz/names{}; write "
      "a path with a slash, such as ./{}",
      image, tree.under(), image);
}

}  // namespace ploopu
