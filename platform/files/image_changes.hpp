// SPDX-License-Identifier: GPL-2.0-or-later
// The files of an attached image: which they were, and what became of them since.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/disk/disk.hpp"
#include "core/files/file_system.hpp"

namespace ploopu {

// As it was when it was opened. Records of older versions have nothing but the identity.
struct ChainFile {
  FileIdentity identity;
  std::string path;
  uint64_t size = 0;
  int64_t modified = 0;  // nanoseconds since 1970
  bool operator==(const ChainFile&) const = default;
};

// Base first.
[[nodiscard]] std::vector<ChainFile> chain_of(const Disk& disk);

// Whether they are the same files, changed or not.
[[nodiscard]] bool is_same_chain(const std::vector<ChainFile>& a, const std::vector<ChainFile>& b);

struct ChainChanges {
  std::optional<bool> any;         // nothing when that can't be told
  std::vector<std::string> lines;  // what changed, or why that can't be told
};

// What is in place of these files now. Storage that doesn't answer is waited for, but not for long.
// `is_strict`: what was written to isn't served any more.
[[nodiscard]] ChainChanges find_changes(const std::vector<ChainFile>& chain, bool is_strict);

// The same, of an image that was opened again.
[[nodiscard]] ChainChanges find_changes(const std::vector<ChainFile>& chain, const Disk& now,
                                        bool is_strict);

}  // namespace ploopu
