// SPDX-License-Identifier: GPL-2.0-or-later
// The input decides the shape, the sizes and the BATs of a chain, which is compared with a slow
// reader. All headers are sound, so that the input reaches the code after them.
//     byte     1: version 1; 2: raw base; 4, 8: deltas but one; the rest: sectors of a cluster
//     then for each file, base first:
//     2 bytes  sectors of its disk, or of the raw base
//     byte     clusters of the file after its BAT
//     and for a delta its BAT in runs:
//     byte     entries in the run; 0: the end of the BAT
//     byte     from each entry to the next; 255: all are the same, times 65536
//     2 bytes  the first entry
#include <array>

#include "tests/fuzz/against_slow_reader.hpp"

namespace ploopu::testing {
namespace {

constexpr uint32_t kMaxSectors = 1300;
constexpr size_t kMaxEntries = 1500;
constexpr uint32_t kTimes65536 = 255;
constexpr uint64_t kRawStep = 61;
constexpr size_t kMaxFile = kMaxSectors * kSectorSize;

// Content of the layer with that number, made once: it takes longer than all the rest.
std::span<const std::byte> content_of(uint32_t layer, size_t size) {
  static const std::array<Bytes, 5> all = {pattern(kMaxFile, 0), pattern(kMaxFile, 1),
                                           pattern(kMaxFile, 2), pattern(kMaxFile, 3),
                                           pattern(kMaxFile, 4)};
  return std::span(all[layer]).first(std::min(size, kMaxFile));
}

struct Shape {
  int version = 2;
  bool has_raw_base = false;
  uint32_t deltas = 1;
  uint32_t cluster_sectors = 1;
};

Shape shape_of(uint8_t byte) {
  const uint32_t bits = byte;
  return {(bits & 1) != 0 ? 1 : 2, (bits & 2) != 0, 1 + (bits >> 2 & 3), 1 + (bits >> 4)};
}

std::vector<uint32_t> any_table(Input& input) {
  std::vector<uint32_t> table;
  while (const uint32_t count = input.byte()) {
    const uint32_t step = input.byte();
    uint32_t entry = input.number();
    if (step == kTimes65536) entry <<= 16;
    for (uint32_t i = 0; i < count && table.size() < kMaxEntries; ++i) {
      table.push_back(entry);
      if (step != kTimes65536) entry += step;
    }
  }
  return table;
}

Layer any_delta(Input& input, const Shape& shape, uint32_t number) {
  PloopSpec spec = {.version = shape.version, .cluster_sectors = shape.cluster_sectors};
  spec.disk_sectors = input.number() % kMaxSectors;
  const size_t clusters = input.byte();
  spec.bat = any_table(input);
  Bytes file = ploop_head(spec);
  const size_t odd = clusters % 3;  // at times the last cluster is cut short
  const size_t rest = kSectorSize - file.size() % kSectorSize;
  const auto data = content_of(number, clusters * spec.cluster_sectors * kSectorSize + rest - odd);
  file.insert(file.end(), data.begin(), data.end());
  return {std::make_shared<MemoryFile>(std::move(file)), spec.cluster_sectors, spec.disk_sectors,
          false};
}

Layer any_raw_base(Input& input, const Shape& shape) {
  const auto data = content_of(0, input.number() % kMaxSectors * kSectorSize / kRawStep * kRawStep);
  input.byte();
  return {std::make_shared<MemoryFile>(Bytes(data.begin(), data.end())), shape.cluster_sectors,
          (data.size() + kSectorSize - 1) / kSectorSize, true};
}

void try_chain(Input input) {
  const Shape shape = shape_of(input.byte());
  std::vector<Layer> layers;
  if (shape.has_raw_base) layers.push_back(any_raw_base(input, shape));
  for (uint32_t i = 0; i < shape.deltas; ++i) layers.push_back(any_delta(input, shape, i + 1));
  std::vector<Delta> deltas;
  for (const Layer& layer : layers) {
    deltas.push_back(layer.raw ? open_raw(layer.file, layer.cluster_sectors)
                               : open_ploop(layer.file));
  }
  const auto disk = Disk::assemble(std::move(deltas));
  require(disk.has_value());
  compare_with_slow_reader(*disk, layers);
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ploopu::testing::try_chain({data, size});
  return 0;
}
