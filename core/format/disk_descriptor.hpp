// SPDX-License-Identifier: GPL-2.0-or-later
// DiskDescriptor.xml: which files make a disk, and how they build on each other.
// Source: docs/FORMAT.md#the-descriptor, from libploop's lib/xml.c and QEMU's
// docs/interop/prl-xml.rst.
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
// libploop allows 128 deltas, the kernels about 253.
inline constexpr size_t kMaxChainLength = 512;

struct DescriptorImage {
  std::string guid;  // with braces, lower case
  bool plain = false;
  std::string file;  // as written: relative to `directory`, or absolute
  // Of the descriptor that lists it, when it was read from a file: a clone's parents have others.
  std::string directory = {};
  bool operator==(const DescriptorImage&) const = default;
};

struct DescriptorShot {
  std::string guid;
  std::string parent;  // kNullGuid for a root
  bool operator==(const DescriptorShot&) const = default;
};

struct DiskDescriptor {
  uint64_t disk_sectors = 0;     // may be stale: the top delta's header wins
  uint32_t cluster_sectors = 0;  // likewise
  std::optional<std::string> top_guid;
  std::vector<DescriptorImage> images;
  std::vector<DescriptorShot> shots;
  // Of a volume clone: the directory of the descriptor with the images below these
  // (docs/FORMAT.md#clones).
  std::optional<std::string> clone_of;
  // Messages of what to warn of. Nothing is read differently for it.
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

// `name` is the descriptor's path, for messages. Everything that is wrong with the text is
// ErrorKind::damaged. Document type declarations are refused before anything is parsed, and so is
// an element that is there twice where one is meant: parsers differ on which counts.
[[nodiscard]] Result<DiskDescriptor> parse_disk_descriptor(const std::string& text,
                                                           const std::string& name);

// Appends the images and shots of the descriptor that `clone` is a clone of. What the clone has
// under the same GUID counts: both call their live state by the fixed GUID.
void append_parent(DiskDescriptor& clone, const DiskDescriptor& parent);

// The GUID of the shot that `which` means: the live state ("" or "top"), the root of its chain
// ("base"), or the one whose GUID it is or begins; braces and case don't matter.
// ErrorKind::not_found when there is none, usage when there are several.
[[nodiscard]] Result<std::string> find_shot(const DiskDescriptor& descriptor,
                                            const std::string& which, const std::string& name);

// The images from the base to that shot, base first. A missing link or a cycle is an error.
[[nodiscard]] Result<std::vector<DescriptorImage>> chain_to(const DiskDescriptor& descriptor,
                                                            const std::string& shot_guid,
                                                            const std::string& name);

// GUIDs that more than one <Image>, or more than one <Shot>, has. The first one counts.
[[nodiscard]] std::vector<std::string> repeated_guids(const DiskDescriptor& descriptor);

}  // namespace ploopu
