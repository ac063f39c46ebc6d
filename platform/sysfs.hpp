// SPDX-License-Identifier: GPL-2.0-or-later
// Small readers for /sys and /proc.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ploopu {

// The content of a small file without the newline at its end; nothing when it can't be read.
[[nodiscard]] std::optional<std::string> read_attribute(const std::string& path);

// Names in a directory, without "." and "..", sorted; empty when it can't be read.
[[nodiscard]] std::vector<std::string> list_directory(const std::string& path);

}  // namespace ploopu
