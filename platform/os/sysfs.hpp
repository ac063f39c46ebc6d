// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes the small files of /sys and /proc. Files there come and go at any time, so a
// missing file is an empty answer and not an error.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ploopu {

// Returns the content of a small file without the newline at its end. Returns nothing if the file
// can't be opened. If reading fails, returns the bytes before the error.
[[nodiscard]] std::optional<std::string> read_attribute(const std::string& path);

// Returns the text of a symbolic link, whether or not its target exists; empty if it can't be read.
[[nodiscard]] std::string read_link(const std::string& path);

// Writes `value` in one call. Returns false if the file is missing or the kernel rejects the value.
[[nodiscard]] bool write_attribute(const std::string& path, const std::string& value);

// Returns the names in a directory, without "." and "..", sorted; empty if it can't be read.
[[nodiscard]] std::vector<std::string> list_directory(const std::string& path);

}  // namespace ploopu
