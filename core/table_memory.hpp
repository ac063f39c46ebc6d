// SPDX-License-Identifier: GPL-2.0-or-later
// Memory for the lookup table of a disk: handed out piece by piece, given back all at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace ploopu {

class TableMemory {
 public:
  // Room for `count` numbers that are not set, to be freed with this object. Throws std::bad_alloc.
  [[nodiscard]] uint32_t* take(size_t count);

 private:
  struct Free {
    void operator()(uint32_t* chunk) const { std::free(chunk); }
  };

  std::vector<std::unique_ptr<uint32_t, Free>> chunks_;
  uint32_t* next_ = nullptr;
  size_t left_ = 0;   // numbers behind next_
  size_t total_ = 0;  // numbers in chunks_
};

}  // namespace ploopu
