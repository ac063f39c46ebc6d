// SPDX-License-Identifier: GPL-2.0-or-later
// Writes sound and damaged ploop files for tests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/format/delta.hpp"
#include "tests/support/memory_file.hpp"

namespace ploopu::testing {

struct PloopSpec {
  int version = 2;
  uint32_t type = 2;
  uint32_t cluster_sectors = 2048;
  uint64_t disk_sectors = 0;
  std::vector<uint32_t> bat = {};
  std::optional<uint32_t> bat_entries = {};  // m_Size, if it differs from the length of the BAT
  uint32_t in_use = 0;
  // m_FirstBlockOffset, if it is not the usual value. No position may depend on this field.
  std::optional<uint32_t> data_sector = {};
  uint32_t flags = 0;
  uint32_t size_garbage = 0;  // bytes 40..43 of a v1 header
  uint64_t extension_sector = 0;
};

// Returns the header and the BAT, without data.
Bytes ploop_head(const PloopSpec& spec);

// Returns a file with this header and BAT that ends at the offset of the first data.
std::shared_ptr<MemoryFile> ploop_file(const PloopSpec& spec);

// Returns `count` bytes that differ by position and by `seed`.
Bytes pattern(size_t count, uint32_t seed);

// Opens a file as a delta; the test fails if that fails.
Delta open_ploop(std::shared_ptr<const ImageFile> file, const std::string& name = "delta");
Delta open_raw(std::shared_ptr<const ImageFile> file, uint32_t cluster_sectors);

template <class... Deltas>
std::vector<Delta> chain(Deltas... base_first) {
  std::vector<Delta> deltas;
  (deltas.push_back(std::move(base_first)), ...);
  return deltas;
}

}  // namespace ploopu::testing
