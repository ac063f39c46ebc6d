// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <random>
#include <vector>

#include "core/files/scratch_file.hpp"
#include "core/format/ploop_header.hpp"
#include "core/overlay/sector_states.hpp"
#include "tests/support/memory_file.hpp"

namespace ploopu::testing {

// A scratch file in memory. Holes read as `hole`, since an overlay must not depend on their content
// unless its file is kept.
class MemoryScratch final : public ScratchFile {
 public:
  explicit MemoryScratch(uint64_t size, std::byte hole = std::byte{0xDD})
      : hole_(hole), content_(size, hole), safe_(size, hole) {}

  [[nodiscard]] uint64_t size() const override { return content_.size(); }
  [[nodiscard]] FileIdentity identity() const override { return {1, 2}; }
  [[nodiscard]] int descriptor() const override { return -1; }
  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > content_.size() || out.size() > content_.size() - offset) return EIO;
    std::copy_n(at(offset), out.size(), out.begin());
    return 0;
  }
  // A write to a full disk writes the first half of the data.
  [[nodiscard]] int write(uint64_t offset, std::span<const std::byte> data) const override {
    std::copy_n(data.begin(), error == 0 ? data.size() : data.size() / 2, at(offset));
    return error;
  }
  [[nodiscard]] int punch(uint64_t offset, uint64_t length) const override {
    std::fill_n(at(offset), length, hole_);
    return 0;
  }
  [[nodiscard]] int reserve(uint64_t /*offset*/, uint64_t /*length*/) const override {
    return error;
  }
  [[nodiscard]] int sync() const override {
    if (error == 0 && good_syncs-- <= 0) return EIO;
    if (error == 0) safe_ = content_;
    return error;
  }
  // Sets each sector that changed since the last sync to its old or its new content at random.
  void crash(std::mt19937& random) {
    for (size_t at = 0; at < content_.size(); at += kSectorSize) {
      const size_t length = std::min<size_t>(kSectorSize, content_.size() - at);
      if (random() % 2 == 0) std::copy_n(&safe_[at], length, &content_[at]);
    }
    safe_ = content_;
  }

  std::atomic<int> error = 0;
  mutable std::atomic<int> good_syncs = INT_MAX;  // sync() fails after so many successful calls

 private:
  [[nodiscard]] Bytes::iterator at(uint64_t offset) const {
    return content_.begin() + static_cast<ptrdiff_t>(offset);
  }
  std::byte hole_;
  mutable Bytes content_;
  mutable Bytes safe_;
};

// Sector states that own their memory.
class OwnStates {
 public:
  explicit OwnStates(uint64_t disk_size)
      : memory_(SectorStates::memory_size(disk_size / 512) / 8),
        states_(disk_size / 512, std::as_writable_bytes(std::span(memory_))) {}

  operator SectorStates&() { return states_; }  // NOLINT: stands for it

 private:
  std::vector<uint64_t> memory_;
  SectorStates states_;
};

}  // namespace ploopu::testing
