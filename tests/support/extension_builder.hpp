// SPDX-License-Identifier: GPL-2.0-or-later
// Writes sound and damaged format extensions for tests.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/support/memory_file.hpp"

namespace ploopu::testing {

inline constexpr uint32_t kV21 = 0x312e3276;  // m_DiskInUse of a file whose extension is valid
inline constexpr uint64_t kBitmapFeature = 0x20385FAE252CB34A;

struct BitmapSpec {
  uint64_t sectors = 64;
  uint32_t granularity = 1;  // sectors
  std::vector<uint64_t> table = {};
  std::optional<uint32_t> table_entries = {};  // if the field differs from the length of `table`
};

// Returns the data of a dirty bitmap feature with the ID 000102030405060708090a0b0c0d0e0f.
Bytes bitmap_data(const BitmapSpec& spec);

// Returns a feature with its data, padded. `size` replaces the size of the data in the header.
Bytes feature(uint64_t magic, const Bytes& data, uint64_t flags = 0,
              std::optional<uint32_t> size = {});

// Returns the cluster: magic, MD5, the features, and zeros, which end the features. Features that
// are too long are cut.
Bytes extension_cluster(const std::vector<Bytes>& features, size_t cluster_size);

}  // namespace ploopu::testing
