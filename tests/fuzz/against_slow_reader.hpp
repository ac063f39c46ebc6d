// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/disk/disk.hpp"
#include "tests/fuzz/fuzzing.hpp"
#include "tests/support/slow_reader.hpp"

namespace ploopu::testing {

inline void compare_extents(const Disk& disk, const Expected& expected) {
  uint64_t offset = 0;
  for (const Extent& right : expected.extents) {
    const Extent extent = disk.extent_at(offset, UINT64_MAX);
    require(extent.kind == right.kind && extent.length == right.length);
    require(extent.file == right.file && extent.file_offset == right.file_offset);
    offset += extent.length;
  }
  require(offset == disk.size());
}

// In requests of `length` bytes, which begin and end anywhere in clusters.
inline void compare_content(const Disk& disk, const Expected& expected, uint64_t length) {
  Bytes out(length);
  for (uint64_t offset = 0; offset < disk.size(); offset += length) {
    const auto piece = std::span(out).first(std::min(length, disk.size() - offset));
    const bool readable = std::memchr(&expected.lost[offset], 1, piece.size()) == nullptr;
    require((disk.read(offset, piece) == 0) == readable);
    if (!readable) continue;
    require(std::memcmp(piece.data(), &expected.content[offset], piece.size()) == 0);
  }
}

// Clusters of which some delta has something.
inline void compare_allocated(const Disk& disk, const Expected& expected) {
  std::vector<bool> allocated(disk.clusters_total());
  uint64_t offset = 0;
  for (const Extent& extent : expected.extents) {
    const uint64_t end = offset + extent.length;
    for (; offset < end; offset += disk.cluster_size() - offset % disk.cluster_size()) {
      if (extent.kind != ExtentKind::zero) allocated[offset / disk.cluster_size()] = true;
    }
    offset = end;
  }
  const auto count = std::count(allocated.begin(), allocated.end(), true);
  require(disk.clusters_allocated() == static_cast<uint64_t>(count));
}

// Every byte of a disk that is small enough to be held in memory.
inline void compare_with_slow_reader(const Disk& disk, const std::vector<Layer>& base_first) {
  const Expected expected = read_slowly(base_first);
  require(disk.size() == expected.content.size());
  compare_extents(disk, expected);
  compare_content(disk, expected, 3001);
  compare_allocated(disk, expected);
}

}  // namespace ploopu::testing
