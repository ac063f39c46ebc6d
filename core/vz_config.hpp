// SPDX-License-Identifier: GPL-2.0-or-later
// The shell-like files of /etc/vz. They are data: nothing in them is ever run.
// Source: FORMAT.md section 7.1, which reconciles the parsers of vzctl 4 and libvzctl 7.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "core/result.hpp"

namespace ploopu {

inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;
inline constexpr size_t kMaxConfigLine = size_t{64} << 10;

// Keys are case-sensitive; of a repeated key the last value counts. Lines that aren't assignments
// are ignored. A value whose quote is not closed, a NUL byte and overlong lines are
// ErrorKind::damaged. `name` is the file's path; its content is never put into a message.
using VzConfig = std::map<std::string, std::string>;
[[nodiscard]] Result<VzConfig> parse_vz_config(const std::string& text, const std::string& name);

}  // namespace ploopu
