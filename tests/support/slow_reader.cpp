// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/slow_reader.hpp"

#include <algorithm>
#include <stdexcept>

namespace ploopu::testing {
namespace {

using Kind = SlowPiece::Kind;

uint64_t number_at(const MemoryFile& file, uint64_t offset) {
  Bytes bytes(4);
  if (file.read(offset, bytes) != 0) throw std::runtime_error("a header or a table is cut short");
  uint64_t number = 0;
  for (size_t i = 4; i-- > 0;) number = number * 256 + std::to_integer<uint64_t>(bytes[i]);
  return number;
}

// FORMAT.md section 1.
struct Header {
  explicit Header(const MemoryFile& file)
      : is_v1(number_at(file, 4) == 0x4674756f),  // "With" "outF"; "With" "ouFr"
        cluster(number_at(file, 28) * 512),
        entries(number_at(file, 32)),
        disk((number_at(file, 36) + (is_v1 ? 0 : number_at(file, 40) << 32)) * 512) {}
  bool is_v1;
  uint64_t cluster;  // bytes
  uint64_t entries;
  uint64_t disk;  // bytes
};

uint64_t end_of(const Layer& layer) {
  return layer.raw ? layer.file->size() : Header(*layer.file).disk;
}

}  // namespace

uint64_t SlowReader::size() const { return (end_of(layers_.back()) + 511) / 512 * 512; }

// FORMAT.md sections 2.1 and 2.4; 4.4 for deltas of different sizes.
SlowPiece SlowReader::piece_at(uint64_t offset) const {
  uint64_t length = 512 - offset % 512;
  for (size_t i = layers_.size(); i-- > 0;) {
    const MemoryFile& file = *layers_[i].file;
    const uint64_t end = end_of(layers_[i]);
    if (offset >= end) continue;
    length = std::min(length, end - offset);  // what is behind it, a lower layer may have
    if (layers_[i].raw) return {Kind::data, length, i, offset};
    const Header header(file);
    const uint64_t index = offset / header.cluster;
    if (index >= header.entries) continue;
    const uint64_t entry = number_at(file, 64 + 4 * index);
    if (entry == 0) continue;
    const uint64_t start = entry * (header.is_v1 ? 512 : header.cluster);
    const uint64_t position = start + offset % header.cluster;
    if (start < 64 + 4 * header.entries || position >= file.size()) {
      return {Kind::unreadable, length, i, 0};
    }
    return {Kind::data, std::min(length, file.size() - position), i, position};
  }
  return {Kind::zero, length, 0, 0};
}

}  // namespace ploopu::testing
