// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/table_memory.hpp"

#include <algorithm>
#include <new>

#include <sys/mman.h>

namespace ploopu {
namespace {

constexpr size_t kSmallestChunk = size_t{16} << 10;  // bytes
constexpr size_t kLargestChunk = size_t{32} << 20;
constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

uint32_t* TableMemory::take(size_t count) {
  if (left_ < count) {
    // Doubled each time, so that a small table costs little and of a large one nearly all lies in
    // huge pages. These save most of the page faults that filling it costs.
    size_t bytes = std::clamp(total_ * sizeof(uint32_t), kSmallestChunk, kLargestChunk);
    bytes = std::max(bytes, count * sizeof(uint32_t));
    const bool huge = bytes % kHugePage == 0;
    std::unique_ptr<uint32_t, Free> chunk(static_cast<uint32_t*>(
        std::aligned_alloc(huge ? kHugePage : alignof(std::max_align_t), bytes)));
    if (!chunk) throw std::bad_alloc();
    if (huge) ::madvise(chunk.get(), bytes, MADV_HUGEPAGE);  // a hint: without it all works too
    next_ = chunk.get();
    left_ = bytes / sizeof(uint32_t);
    total_ += left_;
    chunks_.push_back(std::move(chunk));
  }
  uint32_t* taken = next_;
  next_ += count;
  left_ -= count;
  return taken;
}

}  // namespace ploopu
