// SPDX-License-Identifier: GPL-2.0-or-later
// On-disk integers are decoded byte by byte: no alignment and no host byte order is assumed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ploopu {

// `bytes` must have at least offset + 4 bytes, for load_le64() offset + 8.
inline uint32_t load_le32(std::span<const std::byte> bytes, size_t offset) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value |= std::to_integer<uint32_t>(bytes[offset + i]) << (8 * i);
  }
  return value;
}

inline uint64_t load_le64(std::span<const std::byte> bytes, size_t offset) {
  return load_le32(bytes, offset) | (static_cast<uint64_t>(load_le32(bytes, offset + 4)) << 32);
}

// Stores the low `size` bytes of `value` at `offset`.
inline void store_le(std::span<std::byte> bytes, size_t offset, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes[offset + i] = static_cast<std::byte>(value >> (8 * i));
}

}  // namespace ploopu
