// SPDX-License-Identifier: GPL-2.0-or-later
// Chains of deltas that a seed decides: geometry, order of the table, holes, sizes, damage.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "tests/support/memory_file.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {

// One file of a chain: what is in it, and what the chain takes it for.
struct Layer {
  std::shared_ptr<MemoryFile> file;
  uint32_t cluster_sectors = 0;
  uint64_t disk_sectors = 0;  // as its header says; of a raw file rounded up
  bool raw = false;
};

// What a chain shall be. The seed decides what isn't given.
struct ChainShape {
  std::optional<uint32_t> version = {};
  std::optional<uint32_t> cluster_sectors = {};
  std::optional<uint32_t> depth = {};     // ploop files, not counting a raw base
  std::optional<uint32_t> clusters = {};  // of the first disk; a few more or less further up
  std::optional<uint32_t> raw_base = {};  // 0 or 1
  // Nothing that programs read differently: entries outside of the file, files cut short, a disk
  // that was shrunk and grown again.
  bool sound = false;
  // Only what libploop writes and takes: whole clusters everywhere, disks that only grow. 0 or 1.
  std::optional<uint32_t> by_libploop = {};
};

// The same seed and shape make the same chain, wherever they run.
class RandomChain {
 public:
  explicit RandomChain(uint32_t seed, const ChainShape& shape = {});

  // Base first.
  [[nodiscard]] const std::vector<Layer>& layers() const { return layers_; }
  // One more delta of this chain: the top of a branch.
  [[nodiscard]] Layer another_delta();
  // 0..limit - 1; more randomness for who uses the chain.
  [[nodiscard]] uint64_t below(uint64_t limit) { return random_() % limit; }

 private:
  // Where the data of a delta goes.
  struct Room {
    uint64_t next = 0;  // in units
    uint64_t unit = 0;  // bytes: what the offsets of data are multiples of
    uint64_t data = 0;  // byte at which data may begin
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
  uint64_t disk_sectors_ = 0;  // of the newest delta
  bool by_libploop_ = false;
  bool damaged_ = false;
  std::vector<Layer> layers_;
};

}  // namespace ploopu::testing
