// SPDX-License-Identifier: GPL-2.0-or-later
// Makes chains of deltas at random: geometry, order of the BAT, holes, sizes, damage.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "tests/support/memory_file.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {

// A file of a chain, and its place in the chain.
struct Layer {
  std::shared_ptr<MemoryFile> file;
  uint32_t cluster_sectors = 0;
  uint64_t disk_sectors = 0;  // in the header; the size of a raw file, rounded up
  bool raw = false;
};

// Properties of a chain. The seed decides those that are not set.
struct ChainShape {
  std::optional<uint32_t> version = {};
  std::optional<uint32_t> cluster_sectors = {};
  std::optional<uint32_t> depth = {};     // ploop files, not counting a raw base
  std::optional<uint32_t> clusters = {};  // number in the base; the deltas above differ by a few
  std::optional<uint32_t> raw_base = {};  // 0 or 1
  // True excludes properties that other programs read differently: BAT entries past the end of the
  // file, files that are cut short, and a disk that was shrunk and grown again.
  bool sound = false;
  // 1 makes a chain that libploop can write and read: whole clusters, and disks that only grow. 0
  // or 1.
  std::optional<uint32_t> by_libploop = {};
};

// A seed and a shape make one chain, which is equal on all hosts.
class RandomChain {
 public:
  explicit RandomChain(uint32_t seed, const ChainShape& shape = {});

  // The layers, base first.
  [[nodiscard]] const std::vector<Layer>& layers() const { return layers_; }
  // Makes another delta above the chain, which is the top of a branch.
  [[nodiscard]] Layer another_delta();
  // Returns a random number in 0..limit - 1.
  [[nodiscard]] uint64_t below(uint64_t limit) { return random_() % limit; }

 private:
  // Free space for the data of a delta.
  struct Room {
    uint64_t next = 0;  // in units
    uint64_t unit = 0;  // bytes; divides the offsets of all data
    uint64_t data = 0;  // offset of the first data, in bytes
  };

  [[nodiscard]] uint32_t below32(uint64_t limit) { return static_cast<uint32_t>(below(limit)); }
  [[nodiscard]] bool one_in(uint64_t n) { return below(n) == 0; }
  [[nodiscard]] uint32_t any_cluster_sectors();
  [[nodiscard]] uint32_t any_depth();
  [[nodiscard]] uint64_t any_disk_sectors();
  [[nodiscard]] size_t any_table_length(uint64_t needed);
  [[nodiscard]] Layer raw_base();
  [[nodiscard]] uint64_t largest_size() const;
  [[nodiscard]] PloopSpec any_spec();
  [[nodiscard]] uint32_t entry_of(uint64_t index, const PloopSpec& spec, Room& room,
                                  MemoryFile& file);
  [[nodiscard]] uint32_t damaged_entry(uint64_t next);
  void finish(MemoryFile& file, const PloopSpec& spec, const Room& room);
  void fill(MemoryFile& file, uint64_t offset, uint64_t length);
  void write(MemoryFile& file, uint64_t offset, uint64_t length);

  std::mt19937_64 random_;
  ChainShape shape_;
  int version_ = 0;
  uint32_t cluster_sectors_ = 0;
  uint64_t disk_sectors_ = 0;  // size of the disk in the newest delta
  bool by_libploop_ = false;
  bool damaged_ = false;
  std::vector<Layer> layers_;
};

}  // namespace ploopu::testing
