// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/files/scratch_file.hpp"

namespace ploopu {

struct Scratch {
  std::unique_ptr<ScratchFile> file;
  uint64_t free = 0;  // bytes that its file system has for us now
};

// A sparse file of `size` bytes in `directory` that has no name and so vanishes with its last
// descriptor. Fails when there is no room there at all.
[[nodiscard]] Result<Scratch> create_scratch(const std::string& directory, uint64_t size);

// A sparse file of `size` bytes at `path`, where nothing may be yet. Locked as open_kept_scratch()
// locks it.
[[nodiscard]] Result<Scratch> create_kept_scratch(const std::string& path, uint64_t size);

// Fails where create_kept_scratch() would, and leaves nothing.
[[nodiscard]] Result<void> check_kept_scratch(const std::string& path, uint64_t size);

// The file of an earlier create_kept_scratch(). ErrorKind::busy while another process has it: the
// file is locked as long as any process has this descriptor open.
[[nodiscard]] Result<Scratch> open_kept_scratch(const std::string& path);

// The file of an earlier create_kept_scratch(), only to be read, locked or not.
[[nodiscard]] Result<Scratch> view_kept_scratch(const std::string& path);

}  // namespace ploopu
