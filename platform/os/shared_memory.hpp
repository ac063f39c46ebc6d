// SPDX-License-Identifier: GPL-2.0-or-later
// Memory that a process shares with the processes that it forks.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "core/base/result.hpp"

namespace ploopu {

// Zeroed memory that this process and all processes forked later share. Pages that nobody touches
// cost nothing. Each process unmaps its view when its object ends. Accesses need atomics.
class SharedMemory {
 public:
  // `size` is in bytes; 0 becomes 1.
  [[nodiscard]] static Result<SharedMemory> create(size_t size);

  SharedMemory(SharedMemory&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  SharedMemory& operator=(SharedMemory&&) = delete;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit SharedMemory(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

}  // namespace ploopu
