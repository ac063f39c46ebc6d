// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

#include <sys/mman.h>
#include <unistd.h>

namespace ploopu::testing {

// Two pages of memory, of which the second can't be accessed: the kernel transfers the first one,
// and returns its size. The rest fails with EFAULT if it is asked for.
class HalfOfABuffer {
 public:
  HalfOfABuffer() : memory_(::mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, kFlags, -1, 0)) {
    if (memory_ == MAP_FAILED || ::mprotect(bytes().data() + page_, page_, PROT_NONE) != 0) {
      throw std::runtime_error("mmap failed");
    }
  }
  ~HalfOfABuffer() { ::munmap(memory_, 2 * page_); }
  HalfOfABuffer(const HalfOfABuffer&) = delete;
  HalfOfABuffer& operator=(const HalfOfABuffer&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() const {
    return {static_cast<std::byte*>(memory_), 2 * page_};
  }

 private:
  static constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  size_t page_ = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* memory_;
};

}  // namespace ploopu::testing
