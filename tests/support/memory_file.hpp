// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <map>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "core/files/file_system.hpp"

namespace ploopu::testing {

using Bytes = std::vector<std::byte>;

// A sparse file in memory: pieces at offsets, holes between them.
class MemoryFile final : public ImageFile {
 public:
  MemoryFile() = default;
  explicit MemoryFile(Bytes content) { write(0, std::move(content)); }

  void write(uint64_t offset, Bytes data) {
    size_ = std::max<uint64_t>(size_, offset + data.size());
    if (!data.empty()) pieces_[offset] = std::move(data);
  }
  void set_size(uint64_t size) { size_ = size; }
  // Returns the written data by offset.
  [[nodiscard]] const std::map<uint64_t, Bytes>& pieces() const { return pieces_; }
  // Makes every later read of this byte fail with the errno value `error`.
  void fail_at(uint64_t offset, int error) { bad_[offset] = error; }

  // Makes every later read take this long.
  void be_slow(std::chrono::milliseconds delay) { delay_ = delay; }
  // Returns offset and length of each prefetch().
  [[nodiscard]] const std::vector<std::pair<uint64_t, uint64_t>>& expected() const {
    return expected_;
  }

  [[nodiscard]] uint64_t size() const override { return size_; }
  [[nodiscard]] FileIdentity identity() const override { return {1, 1}; }
  [[nodiscard]] int descriptor() const override { return -1; }

  // Holes end where a piece begins.
  [[nodiscard]] uint64_t next_data(uint64_t offset) const override {
    auto piece = pieces_.upper_bound(offset);
    if (piece != pieces_.begin()) {
      const auto before = std::prev(piece);
      if (before->first + before->second.size() > offset) return offset;
    }
    return piece == pieces_.end() ? std::max(size_, offset) : piece->first;
  }

  [[nodiscard]] uint64_t next_hole(uint64_t offset) const override {
    for (const auto& [at, data] : pieces_) {
      if (at <= offset && offset < at + data.size()) offset = at + data.size();
    }
    return std::min(offset, size_);
  }

  void prefetch(uint64_t offset, uint64_t length) const override {
    expected_.emplace_back(offset, length);
  }

  // Returns the number of bytes that all calls of read() returned.
  [[nodiscard]] uint64_t bytes_read() const { return bytes_read_; }

  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size_ || out.size() > size_ - offset) return EIO;
    for (const auto& [at, error] : bad_) {
      if (at >= offset && at < offset + out.size()) return error;
    }
    bytes_read_ += out.size();
    std::this_thread::sleep_for(delay_);
    std::fill(out.begin(), out.end(), std::byte{0});
    auto piece = pieces_.upper_bound(offset);
    if (piece != pieces_.begin()) --piece;
    for (; piece != pieces_.end() && piece->first < offset + out.size(); ++piece) {
      const auto& [at, data] = *piece;
      const uint64_t first = std::max(at, offset);
      const uint64_t last = std::min<uint64_t>(at + data.size(), offset + out.size());
      if (first < last) std::memcpy(&out[first - offset], &data[first - at], last - first);
    }
    return 0;
  }

 private:
  std::map<uint64_t, Bytes> pieces_;  // by offset; they don't overlap
  std::map<uint64_t, int> bad_;
  uint64_t size_ = 0;
  std::chrono::milliseconds delay_{0};
  mutable std::vector<std::pair<uint64_t, uint64_t>> expected_;  // only one thread may prefetch
  mutable std::atomic<uint64_t> bytes_read_ = 0;                 // several threads may read
};

}  // namespace ploopu::testing
