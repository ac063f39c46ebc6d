// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/huge_pages.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace ploopu {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

class HugePages final : public std::pmr::memory_resource {
 private:
  void* do_allocate(size_t bytes, size_t alignment) override {
    if (bytes < kHugePage || alignment > kHugePage) return small_->allocate(bytes, alignment);
    const size_t whole = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    void* memory = std::aligned_alloc(kHugePage, whole);
    if (memory == nullptr) throw std::bad_alloc();
    ::madvise(memory, whole, MADV_HUGEPAGE);  // a hint: the memory can be used without it, too
    return memory;
  }

  void do_deallocate(void* memory, size_t bytes, size_t alignment) override {
    if (bytes < kHugePage || alignment > kHugePage) {
      small_->deallocate(memory, bytes, alignment);
    } else {
      std::free(memory);
    }
  }

  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::pmr::memory_resource* small_ = std::pmr::new_delete_resource();
};

}  // namespace

std::pmr::memory_resource* huge_pages() {
  static HugePages resource;
  return &resource;
}

}  // namespace ploopu
