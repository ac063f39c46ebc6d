// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/slow_reader.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace ploopu::testing {
namespace {

using Kind = SlowPiece::Kind;

uint64_t number_at(const MemoryFile& file, uint64_t offset) {
  std::array<std::byte, 4> bytes{};
  if (file.read(offset, bytes) != 0) throw std::runtime_error("a header or a table is cut short");
  uint64_t number = 0;
  for (size_t i = 4; i-- > 0;) number = number * 256 + std::to_integer<uint64_t>(bytes[i]);
  return number;
}

}  // namespace

SlowReader::SlowReader(const std::vector<Layer>& base_first) : layers_(base_first) {
  for (const Layer& layer : layers_) headers_.push_back(read_header(layer));
}

// FORMAT.md section 1.
SlowReader::Header SlowReader::read_header(const Layer& layer) {
  const MemoryFile& file = *layer.file;
  if (layer.raw) return {false, 0, 0, file.size()};
  const bool is_v1 = number_at(file, 4) == 0x4674756f;  // "With" "outF"; in v2 "With" "ouFr"
  const uint64_t high = is_v1 ? 0 : number_at(file, 40);
  const uint64_t sectors = number_at(file, 36) + (high << 32);
  return {is_v1, number_at(file, 28) * 512, number_at(file, 32), sectors * 512};
}

uint64_t SlowReader::size() const { return (headers_.back().end + 511) / 512 * 512; }

// FORMAT.md sections 2.1 and 2.4; 4.4 for deltas of different sizes.
SlowPiece SlowReader::piece_at(uint64_t offset) const {
  uint64_t length = 512 - offset % 512;
  for (size_t i = layers_.size(); i-- > 0;) {
    const MemoryFile& file = *layers_[i].file;
    const Header& header = headers_[i];
    if (offset >= header.end) continue;
    length = std::min(length, header.end - offset);  // what is behind it, a lower layer may have
    if (layers_[i].raw) return {Kind::data, length, i, offset};
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
