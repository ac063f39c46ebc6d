// SPDX-License-Identifier: GPL-2.0-or-later
// DiskDescriptor.xml: which files make a disk, and how they build on each other.
// Source: FORMAT.md section 4, from libploop's lib/xml.c and QEMU's docs/interop/prl-xml.rst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace ploopu {

inline constexpr std::string_view kNullGuid = "{00000000-0000-0000-0000-000000000000}";
inline constexpr char kDescriptorName[] = "DiskDescriptor.xml";
inline constexpr size_t kMaxDescriptorBytes = size_t{1} << 20;
// libploop allows 128 deltas, the kernels about 253.
inline constexpr size_t kMaxChainLength = 512;

struct DescriptorImage {
  std::string guid;  // with braces, lower case
  bool plain = false;
  std::string file;  // as written: relative to the descriptor's directory, or absolute
};

struct DescriptorShot {
  std::string guid;
  std::string parent;  // kNullGuid for a root
};

struct DiskDescriptor {
  uint64_t disk_sectors = 0;     // may be stale: the top delta's header wins
  uint32_t cluster_sectors = 0;  // likewise
  std::optional<std::string> top_guid;
  std::vector<DescriptorImage> images;
  std::vector<DescriptorShot> shots;
};

// `name` is the descriptor's path, for messages. Everything that is wrong with the text is
// ErrorKind::damaged. Document type declarations are refused before anything is parsed.
[[nodiscard]] Result<DiskDescriptor> parse_disk_descriptor(const std::string& text,
                                                           const std::string& name);

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
