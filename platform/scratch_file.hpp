// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/overlay.hpp"
#include "core/result.hpp"

namespace ploopu {

struct Scratch {
  std::unique_ptr<ScratchFile> file;
  uint64_t free = 0;  // bytes that its file system has for us now
};

// A sparse file of `size` bytes in `directory` that has no name and so vanishes with its last
// descriptor. Fails when there is no room there at all.
[[nodiscard]] Result<Scratch> create_scratch(const std::string& directory, uint64_t size);

}  // namespace ploopu
