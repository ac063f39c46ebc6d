// SPDX-License-Identifier: GPL-2.0-or-later
// The check of an image, which finds faults and repairs none. docs/FORMAT.md#damage,
// docs/FORMAT.md#mismatches and docs/FORMAT.md#sizes-that-differ tell faults from oddities.
//
//     PLOOPU_TRY(const auto checked, check_image(tree, location, ""));
//     for (const auto& damage : checked.report.errors) ...
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
  // "duplicate" or "extension" (damages only the notes of a backup, not the disk).
  std::string kind;
  std::string message;
};

// A range of the disk, in bytes.
struct DiskRange {
  uint64_t start = 0;
  uint64_t length = 0;
};

struct CheckReport {
  std::vector<Damage> errors;
  // Ranges of the chosen disk that can't be read, ascending: the first kMaxListed of `lost_ranges`
  // ranges, which have `lost_bytes` bytes in all.
  std::vector<DiskRange> lost;
  bool is_readable = true;  // false: the disk can't be put together, so all of it is unreadable
  uint64_t lost_ranges = 0;
  uint64_t lost_bytes = 0;
  std::vector<std::string> warnings;
  uint64_t leaks = 0;             // file clusters that no table refers to
  uint64_t clusters_checked = 0;  // table entries of all files that the descriptor lists
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
  std::optional<Image> image;  // nothing if the disk can't be assembled
};

// The most errors of a kind that are listed for a file, and the most lost ranges that are listed.
inline constexpr size_t kMaxListed = 1000;

// Checks every file that the descriptor lists, also files that the chosen state doesn't need.
// Faults are in the report, even if the disk can't be opened; an Error means that nothing could be
// checked, or that ploopu may not read a file that the state needs (ErrorKind::refused). `snapshot`
// and `look` are for open_image().
[[nodiscard]] Result<CheckedImage> check_image(const HostTree& tree, const ImageLocation& location,
                                               const std::string& snapshot, const Look& look = {});

}  // namespace ploopu
