// SPDX-License-Identifier: GPL-2.0-or-later
// Creates and opens the files of overlays: scratch files, and overlay files that are kept ("kept
// scratch" here). Both implement the port ScratchFile (core/files/scratch_file.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/files/scratch_file.hpp"

namespace ploopu {

struct Scratch {
  std::unique_ptr<ScratchFile> file;
  uint64_t free = 0;  // bytes that the file system has for this user now
};

// Creates a sparse file of `size` bytes in `directory` that has no name and so vanishes with its
// last descriptor. Fails if less than 1 MiB is free there.
[[nodiscard]] Result<Scratch> create_scratch(const std::string& directory, uint64_t size);

// Creates a sparse file of `size` bytes at `path`, where no file may exist yet, and locks it as
// open_kept_scratch() does. Fails if less than 1 MiB is free there, and leaves no file then.
[[nodiscard]] Result<Scratch> create_kept_scratch(const std::string& path, uint64_t size);

// Fails if create_kept_scratch() fails for want of room or rights in the directory. Leaves nothing
// behind, and doesn't look at `path` itself.
[[nodiscard]] Result<void> check_kept_scratch(const std::string& path, uint64_t size);

// Opens the file of an earlier create_kept_scratch() and locks it until the last process that
// inherits the descriptor has closed it. ErrorKind::busy if another attachment has it locked,
// ErrorKind::refused if the file isn't regular or everybody may write to it.
[[nodiscard]] Result<Scratch> open_kept_scratch(const std::string& path);

// Opens the file of an earlier create_kept_scratch() for reading, whether or not it is locked.
[[nodiscard]] Result<Scratch> view_kept_scratch(const std::string& path);

}  // namespace ploopu
