// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "core/overlay.hpp"
#include "tests/support/memory_file.hpp"

namespace ploopu::testing {

// Writes nothing but what it is told, and forgets what is punched in the worst way.
class MemoryScratch final : public ScratchFile {
 public:
  explicit MemoryScratch(uint64_t size) : content_(size, std::byte{0xDD}) {}

  [[nodiscard]] uint64_t size() const override { return content_.size(); }
  [[nodiscard]] FileIdentity identity() const override { return {1, 2}; }
  [[nodiscard]] int descriptor() const override { return -1; }
  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > content_.size() || out.size() > content_.size() - offset) return EIO;
    std::copy_n(at(offset), out.size(), out.begin());
    return 0;
  }
  // A disk that is full takes the first half.
  [[nodiscard]] int write(uint64_t offset, std::span<const std::byte> data) const override {
    std::copy_n(data.begin(), error == 0 ? data.size() : data.size() / 2, at(offset));
    return error;
  }
  [[nodiscard]] int punch(uint64_t offset, uint64_t length) const override {
    std::fill_n(at(offset), length, std::byte{0xDD});
    return 0;
  }

  std::atomic<int> error = 0;

 private:
  [[nodiscard]] Bytes::iterator at(uint64_t offset) const {
    return content_.begin() + static_cast<ptrdiff_t>(offset);
  }
  mutable Bytes content_;
};

}  // namespace ploopu::testing
