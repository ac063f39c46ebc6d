// SPDX-License-Identifier: GPL-2.0-or-later
// DiskDescriptor.xml: the files that make a disk, and how they build on each other
// (docs/FORMAT.md#the-descriptor, from libploop's lib/xml.c and QEMU's docs/interop/prl-xml.rst).
//
//     PLOOPU_TRY(const auto descriptor, parse_disk_descriptor(text, path));
//     PLOOPU_TRY(const auto shot, find_shot(descriptor, "top", path));
//     PLOOPU_TRY(const auto images, chain_to(descriptor, shot, path));  // base first
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/guid.hpp"
#include "core/base/result.hpp"

namespace ploopu {

inline constexpr char kDescriptorName[] = "DiskDescriptor.xml";
inline constexpr size_t kMaxDescriptorBytes = size_t{1} << 20;
// Most deltas of a chain. libploop allows 128, the kernels about 253.
inline constexpr size_t kMaxChainLength = 512;

struct DescriptorImage {
  std::string guid;  // with braces, lower case
  bool plain = false;
  std::string file;  // as written: relative to `directory`, or absolute
  // The directory of the descriptor that lists the image; a clone's parents have other directories.
  // Empty for a descriptor that was not read from a file.
  std::string directory = {};
  bool operator==(const DescriptorImage&) const = default;
};

struct DescriptorShot {
  std::string guid;
  std::string parent;  // kNullGuid for a root
  bool operator==(const DescriptorShot&) const = default;
};

struct DiskDescriptor {
  uint64_t disk_sectors = 0;     // may be stale: the top delta's header decides
  uint32_t cluster_sectors = 0;  // may be stale, too, except for a raw base
  std::optional<std::string> top_guid;
  std::vector<DescriptorImage> images;
  std::vector<DescriptorShot> shots;
  // For a volume clone, the directory of its parent, as written (docs/FORMAT.md#clones).
  std::optional<std::string> clone_of;
  // Warnings about unusual elements, which don't change what is read.
  std::vector<std::string> oddities;
  bool operator==(const DiskDescriptor&) const = default;
};

template <class Codec>
void fields(Codec& codec, DescriptorImage& image) {
  codec(image.guid, image.plain, image.file, image.directory);
}
template <class Codec>
void fields(Codec& codec, DescriptorShot& shot) {
  codec(shot.guid, shot.parent);
}
template <class Codec>
void fields(Codec& codec, DiskDescriptor& descriptor) {
  codec(descriptor.disk_sectors, descriptor.cluster_sectors, descriptor.top_guid, descriptor.images,
        descriptor.shots, descriptor.clone_of, descriptor.oddities);
}

// Parses a descriptor; `name` is its path, for messages. ErrorKind::damaged for any fault, also for
// a document type declaration, which is refused before the text is parsed, and for an element that
// is repeated although only one can count.
[[nodiscard]] Result<DiskDescriptor> parse_disk_descriptor(const std::string& text,
                                                           const std::string& name);

// Appends the images and shots of `parent` to its clone, except for GUIDs that the clone has: both
// use the fixed GUID for their live state.
void append_parent(DiskDescriptor& clone, const DiskDescriptor& parent);

// The GUID of the shot that `which` names: "" or "top" for the live state, "base" for the base of
// its chain, or a GUID or its beginning, where braces and case don't matter. ErrorKind::not_found
// for no shot, usage for several, damaged for a descriptor without a live state.
[[nodiscard]] Result<std::string> find_shot(const DiskDescriptor& descriptor,
                                            const std::string& which, const std::string& name);

// The images from the base to a shot, base first. ErrorKind::damaged for a missing shot or image, a
// cycle, or more than kMaxChainLength images.
[[nodiscard]] Result<std::vector<DescriptorImage>> chain_to(const DiskDescriptor& descriptor,
                                                            const std::string& shot_guid,
                                                            const std::string& name);

// GUIDs that several <Image> or several <Shot> elements have, of which the first counts.
[[nodiscard]] std::vector<std::string> repeated_guids(const DiskDescriptor& descriptor);

}  // namespace ploopu
