// SPDX-License-Identifier: GPL-2.0-or-later
// Everything that is wrong with an image. Nothing is repaired. What is wrong and what only odd:
// docs/FORMAT.md#damage, docs/FORMAT.md#mismatches and docs/FORMAT.md#sizes-that-differ.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/image.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"

namespace ploopu {

struct Damage {
  // "descriptor", "chain", "missing-delta", "header", "past-end", "in-metadata", "short-cluster",
  // "duplicate" or "extension" (only a backup's notes: the disk's data is whole).
  std::string kind;
  std::string message;
};

// Bytes of the disk.
struct DiskRange {
  uint64_t start = 0;
  uint64_t length = 0;
};

struct CheckReport {
  std::vector<Damage> errors;
  // What can't be read of the disk that was asked for, ascending: at most kMaxListed ranges of
  // `lost_ranges`, which have `lost_bytes` in all.
  std::vector<DiskRange> lost;
  bool is_readable = true;  // false: the disk can't be put together, so nothing of it is there
  uint64_t lost_ranges = 0;
  uint64_t lost_bytes = 0;
  std::vector<std::string> warnings;
  uint64_t leaks = 0;             // file clusters that no table refers to
  uint64_t clusters_checked = 0;  // table entries, of all files that the descriptor lists
};

template <class Codec>
void fields(Codec& codec, Damage& damage) {
  codec(damage.kind, damage.message);
}
template <class Codec>
void fields(Codec& codec, DiskRange& range) {
  codec(range.start, range.length);
}
template <class Codec>
void fields(Codec& codec, CheckReport& report) {
  codec(report.errors, report.lost, report.is_readable, report.lost_ranges, report.lost_bytes,
        report.warnings, report.leaks, report.clusters_checked);
}

struct CheckedImage {
  CheckReport report;
  std::optional<Image> image;  // nothing when the disk can't be put together
};

// At most so many errors of a kind are listed for each file, and as many lost ranges.
inline constexpr size_t kMaxListed = 1000;

// Looks at every file that the descriptor lists, also those that the chosen state doesn't need, and
// at what can't be opened as a disk. An Error only where nothing can be looked at at all. `look` is
// for open_image().
[[nodiscard]] Result<CheckedImage> check_image(const HostTree& tree, const ImageLocation& location,
                                               const std::string& snapshot, const Look& look = {});

}  // namespace ploopu
