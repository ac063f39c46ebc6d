// SPDX-License-Identifier: GPL-2.0-or-later
// A reader that is as slow and plain as it can be, and shares no code with core, only the names of
// what it finds: what core says about a chain is held against it. It walks through the chain again
// for every sector.
#pragma once

#include <cstdint>
#include <vector>

#include "core/disk/disk.hpp"
#include "tests/support/random_chain.hpp"

namespace ploopu::testing {

// Some bytes of the disk, at most a sector, that are in one place.
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
    uint64_t end = 0;  // bytes of the disk that this layer can have
  };
  static Header read_header(const Layer& layer);

  const std::vector<Layer>& layers_;
  std::vector<Header> headers_;
};

// The whole disk as the slow reader sees it.
struct Expected {
  std::vector<Extent> extents;  // as long as they can be
  Bytes content;
  Bytes lost;  // for each byte: 1 if it can't be read
};

// Throws where the slow reader looks past the end of a file.
[[nodiscard]] Expected read_slowly(const std::vector<Layer>& layers);

[[nodiscard]] ExtentKind kind_of(const SlowPiece& piece);

}  // namespace ploopu::testing
