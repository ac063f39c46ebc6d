// SPDX-License-Identifier: GPL-2.0-or-later
// The part of opening an image that parses bytes from strangers: from the text of a descriptor to
// the disk of one of its states. All of it can run as confined work.
//
//     PLOOPU_TRY(auto chain, open_chain(text, "top", files));
//     PLOOPU_TRY(auto disk, assemble_unchanged(std::move(chain.deltas)));
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

// A state of a disk, with its files open.
struct ImageChain {
  std::vector<Delta> deltas;       // base first, not empty
  std::vector<std::string> guids;  // a GUID for each delta
  std::vector<std::string> warnings;
  std::optional<std::string> snapshot;  // GUID of the shot; nothing for the live state
};

// Opens the chain of a state of the descriptor. `snapshot` is a word that find_shot() understands.
// ErrorKind::damaged for a faulty descriptor or a missing file; otherwise the errors of find_shot()
// and of opening the files.
[[nodiscard]] Result<ImageChain> open_chain(const DescriptorText& text, const std::string& snapshot,
                                            AskedFiles& files);

// Opens the chain of a shot of a parsed descriptor. `shot` is a GUID, `path` the descriptor's path
// for messages. Errors as for open_chain().
[[nodiscard]] Result<ImageChain> open_shot(const DiskDescriptor& descriptor,
                                           const std::string& shot, const std::string& path,
                                           AskedFiles& files);

// Assembles the disk of a chain. ErrorKind::busy when a header changed while the tables were read.
// `memory` and other errors are those of Disk::assemble().
[[nodiscard]] Result<Disk> assemble_unchanged(std::vector<Delta> base_first,
                                              std::span<std::byte> memory = {});

// Appends a warning for each size in the descriptor that differs from the top delta's, which are
// given in bytes, and for each GUID that the descriptor repeats.
void warn_about_descriptor(const DiskDescriptor& descriptor, uint64_t disk_size,
                           uint64_t cluster_size, const std::string& path,
                           std::vector<std::string>& warnings);

}  // namespace ploopu
