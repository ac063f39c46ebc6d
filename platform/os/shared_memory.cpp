// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/shared_memory.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/mman.h>

namespace ploopu {

Result<SharedMemory> SharedMemory::create(size_t size) {
  size = std::max<size_t>(size, 1);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "memory for an overlay");
  return SharedMemory({static_cast<std::byte*>(memory), size});
}

SharedMemory::~SharedMemory() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace ploopu
