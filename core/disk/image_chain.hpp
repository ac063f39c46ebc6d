// SPDX-License-Identifier: GPL-2.0-or-later
// From the text of a descriptor to the disk of one of its states: the part of opening an image that
// takes a stranger's bytes apart. All of it can run as confined work.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/disk.hpp"
#include "core/disk/image_files.hpp"

namespace ploopu {

// A state whose files are open.
struct ImageChain {
  std::vector<Delta> deltas;       // base first, not empty
  std::vector<std::string> guids;  // of the deltas
  std::vector<std::string> warnings;
  std::optional<std::string> snapshot;  // GUID of the shot, when that isn't the live state
};

// `snapshot` is what find_shot() understands. Errors are those of the descriptor and its files.
[[nodiscard]] Result<ImageChain> open_chain(const DescriptorText& text, const std::string& snapshot,
                                            AskedFiles& files);

// The same for a descriptor that is parsed already. `shot` is a GUID, `path` the descriptor's path.
[[nodiscard]] Result<ImageChain> open_shot(const DiskDescriptor& descriptor,
                                           const std::string& shot, const std::string& path,
                                           AskedFiles& files);

// The disk of a chain, and the proof that no header changed while the tables were read: otherwise
// ErrorKind::busy. `memory` as for Disk::assemble().
[[nodiscard]] Result<Disk> assemble_unchanged(std::vector<Delta> base_first,
                                              std::span<std::byte> memory = {});

// Where the descriptor disagrees with the newest delta, whose disk and clusters have these sizes in
// bytes; and GUIDs that it has twice.
void warn_about_descriptor(const DiskDescriptor& descriptor, uint64_t disk_size,
                           uint64_t cluster_size, const std::string& path,
                           std::vector<std::string>& warnings);

}  // namespace ploopu
