// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the processes that hold locks on files. A look never waits and leaves no lock behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ploopu {

// Describes the process that has locked the file at `path` with flock(LOCK_EX): "vzctl (pid 812)".
// Returns nothing if the file isn't locked, isn't regular or can't be opened.
[[nodiscard]] std::optional<std::string> find_flock_holder(const std::string& path);

// Describes the process that has a POSIX or OFD lock, for reading or writing, on byte `byte` of the
// open file. Returns nothing if there is no such lock.
[[nodiscard]] std::optional<std::string> find_byte_lock_holder(int descriptor, uint64_t byte);

}  // namespace ploopu
