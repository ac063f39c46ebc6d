// SPDX-License-Identifier: GPL-2.0-or-later
// Small readers for /sys and /proc, and a writer.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ploopu {

// The content of a small file without the newline at its end; nothing when it can't be opened, and
// what came before the error when reading fails.
[[nodiscard]] std::optional<std::string> read_attribute(const std::string& path);

// Where a symbolic link leads, without a look there; empty when it can't be read.
[[nodiscard]] std::string read_link(const std::string& path);

// False when it isn't there or the kernel won't have it.
[[nodiscard]] bool write_attribute(const std::string& path, const std::string& value);

// Names in a directory, without "." and "..", sorted; empty when it can't be read.
[[nodiscard]] std::vector<std::string> list_directory(const std::string& path);

}  // namespace ploopu
