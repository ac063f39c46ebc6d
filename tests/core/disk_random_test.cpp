// SPDX-License-Identifier: GPL-2.0-or-later
// Random images and chains against a reader that is as slow and plain as it can be.
#include <random>

#include <gtest/gtest.h>

#include "core/disk.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

struct Layer {
  PloopSpec spec;
  std::shared_ptr<MemoryFile> file;
  bool raw = false;
};

uint64_t file_position(const Layer& layer, uint64_t offset) {
  const uint64_t cluster = uint64_t{layer.spec.cluster_sectors} * 512;
  const uint64_t unit = layer.spec.version == 1 ? 512 : cluster;
  return layer.spec.bat[offset / cluster] * unit + offset % cluster;
}

// What one byte of the disk is; -1 when it can't be read. From FORMAT.md, one byte at a time.
int byte_at(const std::vector<Layer>& layers, uint64_t offset) {
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    const uint64_t cluster = uint64_t{layer->spec.cluster_sectors} * 512;
    const uint64_t end = layer->raw ? layer->file->size() : layer->spec.disk_sectors * 512;
    if (offset >= end) continue;
    uint64_t position = offset;
    if (!layer->raw) {
      if (offset / cluster >= layer->spec.bat.size() || layer->spec.bat[offset / cluster] == 0) {
        continue;
      }
      position = file_position(*layer, offset);
      const uint64_t start = position - offset % cluster;
      if (start < 64 + 4 * layer->spec.bat.size() || position >= layer->file->size()) return -1;
    }
    Bytes byte(1);
    return layer->file->read(position, byte) == 0 ? std::to_integer<int>(byte[0]) : -1;
  }
  return 0;
}

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  uint32_t below(uint32_t limit) {
    return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random_);
  }

  std::vector<Layer> chain() {
    const int version = below(2) == 0 ? 1 : 2;
    const uint32_t sectors = 1 + below(9);
    std::vector<Layer> layers;
    if (below(4) == 0) layers.push_back(raw(sectors));
    const uint32_t depth = 1 + below(4);
    for (uint32_t i = 0; i < depth; ++i) layers.push_back(ploop(version, sectors));
    return layers;
  }

 private:
  uint32_t seed() { return static_cast<uint32_t>(random_()); }

  Layer raw(uint32_t sectors) {
    Layer layer;
    layer.raw = true;
    layer.spec.cluster_sectors = sectors;
    layer.file = std::make_shared<MemoryFile>(pattern(1 + below(30000), seed()));
    return layer;
  }

  Layer ploop(int version, uint32_t sectors) {
    Layer layer;
    layer.spec.version = version;
    layer.spec.cluster_sectors = sectors;
    layer.spec.disk_sectors = 1 + below(100);
    const auto needed = (layer.spec.disk_sectors + sectors - 1) / sectors;
    layer.spec.bat.resize(needed + below(3) - (below(5) == 0 ? 1 : 0));
    const uint64_t head = 64 + 4 * layer.spec.bat.size();
    const uint64_t cluster = uint64_t{sectors} * 512;
    const uint64_t unit = version == 1 ? 512 : cluster;
    uint64_t next = (head + unit - 1) / unit;
    for (auto& entry : layer.spec.bat) {
      if (below(3) == 0) continue;
      entry = below(20) == 0 ? below(60) : static_cast<uint32_t>(next);
      next += cluster / unit;
    }
    std::shuffle(layer.spec.bat.begin(), layer.spec.bat.end(), random_);
    layer.file = ploop_file(layer.spec);
    const uint64_t data = (head + unit - 1) / unit * unit;
    const uint64_t cut = below(5) == 0 ? below(static_cast<uint32_t>(cluster)) : 0;
    if (next * unit > data + cut) {
      layer.file->write(data, pattern(next * unit - cut - data, seed()));
    }
    return layer;
  }

  std::mt19937 random_;
};

Delta open_layer(const Layer& layer) {
  return layer.raw ? open_raw(layer.file, layer.spec.cluster_sectors) : open_ploop(layer.file);
}

void compare(uint32_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Generator generator(seed);
  const auto layers = generator.chain();
  std::vector<Delta> deltas;
  for (const auto& layer : layers) deltas.push_back(open_layer(layer));
  const auto disk = Disk::assemble(std::move(deltas));
  ASSERT_TRUE(disk) << disk.error().message;
  ASSERT_EQ(disk->size(), layers.back().spec.disk_sectors * 512);
  uint64_t offset = 0;
  while (offset < disk->size()) {
    const Extent extent = disk->extent_at(offset, 1 + generator.below(5000));
    ASSERT_GT(extent.length, 0U);
    Bytes out(extent.length);
    const bool readable = disk->read(offset, out) == 0;
    ASSERT_EQ(readable, extent.kind != ExtentKind::unreadable) << "at " << offset;
    for (uint64_t i = 0; i < extent.length; ++i) {
      const int expected = byte_at(layers, offset + i);
      ASSERT_EQ(readable ? std::to_integer<int>(out[i]) : -1, expected) << "at " << offset + i;
    }
    offset += extent.length;
  }
}

TEST(DiskRandom, AgreesWithASlowReader) {
  for (uint32_t seed = 0; seed < 1000 && !HasFatalFailure(); ++seed) compare(seed);
}

}  // namespace
}  // namespace ploopu::testing
