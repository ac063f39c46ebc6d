// SPDX-License-Identifier: GPL-2.0-or-later
// Locks that others hold on files. Looking at one doesn't wait, keep or change anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ploopu {

// The process that has locked the file at `path` with flock(LOCK_EX): "vzctl (pid 812)". Nothing
// when nobody has, or it is no regular file that can be opened.
[[nodiscard]] std::optional<std::string> find_flock_holder(const std::string& path);

// The process that has a POSIX or OFD lock, for reading or writing, on that byte of the open file.
[[nodiscard]] std::optional<std::string> find_byte_lock_holder(int descriptor, uint64_t byte);

}  // namespace ploopu
