// SPDX-License-Identifier: GPL-2.0-or-later
// A reader for comparisons with core. It is slow and plain: it walks through the chain again for
// every sector. It shares no code with core but the names of the results.
#pragma once

#include <cstdint>
#include <vector>

#include "core/disk/disk.hpp"
#include "tests/support/random_chain.hpp"

namespace ploopu::testing {

// A range of the disk of at most one sector that is in one place.
struct SlowPiece {
  enum class Kind { zero, data, unreadable } kind = Kind::zero;
  uint64_t length = 0;    // bytes
  size_t layer = 0;       // not for zeros
  uint64_t position = 0;  // in the layer's file; data only
};

class SlowReader {
 public:
  // `base_first` must outlive the reader.
  explicit SlowReader(const std::vector<Layer>& base_first);

  // Bytes.
  [[nodiscard]] uint64_t size() const;
  // offset < size().
  [[nodiscard]] SlowPiece piece_at(uint64_t offset) const;

 private:
  struct Header {
    bool is_v1 = false;
    uint64_t cluster = 0;  // bytes
    uint64_t entries = 0;
    uint64_t end = 0;  // size in bytes of the disk of this layer
  };
  static Header read_header(const Layer& layer);

  const std::vector<Layer>& layers_;
  std::vector<Header> headers_;
};

// The whole disk as the slow reader sees it.
struct Expected {
  std::vector<Extent> extents;  // as long as they can be
  Bytes content;
  Bytes lost;  // 1 for each byte that can't be read
};

// Throws if the slow reader looks past the end of a file.
[[nodiscard]] Expected read_slowly(const std::vector<Layer>& layers);

[[nodiscard]] ExtentKind kind_of(const SlowPiece& piece);

}  // namespace ploopu::testing
