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

bool continues(const Extent& run, const SlowPiece& piece) {
  if (run.kind != kind_of(piece)) return false;
  if (run.kind == ExtentKind::zero) return true;
  return run.file == piece.layer &&
         (run.kind == ExtentKind::unreadable || run.file_offset + run.length == piece.position);
}

}  // namespace

SlowReader::SlowReader(const std::vector<Layer>& base_first) : layers_(base_first) {
  for (const Layer& layer : layers_) headers_.push_back(read_header(layer));
}

// docs/FORMAT.md#the-header.
SlowReader::Header SlowReader::read_header(const Layer& layer) {
  const MemoryFile& file = *layer.file;
  if (layer.raw) return {false, 0, 0, file.size()};
  const bool is_v1 = number_at(file, 4) == 0x4674756f;  // "With" "outF"; in v2 "With" "ouFr"
  const uint64_t high = is_v1 ? 0 : number_at(file, 40);
  const uint64_t sectors = number_at(file, 36) + (high << 32);
  return {is_v1, number_at(file, 28) * 512, number_at(file, 32), sectors * 512};
}

uint64_t SlowReader::size() const { return (headers_.back().end + 511) / 512 * 512; }

// docs/FORMAT.md#where-a-cluster-starts, docs/FORMAT.md#damage; docs/FORMAT.md#lookup for deltas of
// different sizes.
SlowPiece SlowReader::piece_at(uint64_t offset) const {
  uint64_t length = 512 - offset % 512;
  for (size_t i = layers_.size(); i-- > 0;) {
    const MemoryFile& file = *layers_[i].file;
    const Header& header = headers_[i];
    if (offset >= header.end) continue;
    length = std::min(length, header.end - offset);  // a lower layer may have the rest
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

ExtentKind kind_of(const SlowPiece& piece) {
  if (piece.kind == Kind::zero) return ExtentKind::zero;
  return piece.kind == Kind::data ? ExtentKind::data : ExtentKind::unreadable;
}

Expected read_slowly(const std::vector<Layer>& layers) {
  const SlowReader reader(layers);
  Expected expected;
  expected.content.resize(reader.size());
  expected.lost.resize(reader.size());
  for (uint64_t offset = 0; offset < reader.size();) {
    const SlowPiece piece = reader.piece_at(offset);
    const std::span out(&expected.content[offset], piece.length);
    if (piece.kind == Kind::unreadable) {
      std::fill_n(&expected.lost[offset], piece.length, std::byte{1});
    } else if (piece.kind == Kind::data &&
               layers[piece.layer].file->read(piece.position, out) != 0) {
      throw std::runtime_error("the slow reader looks past the end of a file");
    }
    auto& extents = expected.extents;
    if (extents.empty() || !continues(extents.back(), piece)) {
      extents.push_back({0, kind_of(piece), static_cast<uint32_t>(piece.layer), piece.position});
    }
    extents.back().length += piece.length;
    offset += piece.length;
  }
  return expected;
}

}  // namespace ploopu::testing
