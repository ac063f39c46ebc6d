// SPDX-License-Identifier: GPL-2.0-or-later
// The shell-like files of /etc/vz. They are data: nothing in them is ever run.
// Source: docs/FORMAT.md#configuration-syntax, which reconciles the parsers of vzctl 4 and
// libvzctl 7.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace ploopu {

inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;
inline constexpr size_t kMaxConfigLine = size_t{64} << 10;
// The most settings of a file; vzctl knows fewer than 200 variables.
inline constexpr size_t kMaxConfigSettings = 4096;

struct VzConfig {
  std::map<std::string, std::string, std::less<>> values;
  std::set<std::string, std::less<>> repeated;  // keys that were set more than once

  // The value of `key`, which this object owns; nullptr when the file doesn't set it.
  [[nodiscard]] const std::string* find(std::string_view key) const;
};

// Keys are case-sensitive; of a repeated key the last value counts (docs/FORMAT.md#repeated-keys:
// vzctl 4 takes the first one, libvzctl 7 the last). Lines that aren't assignments are ignored. A
// value whose quote is not closed, a NUL byte and overlong lines are ErrorKind::damaged. `name` is
// the file's path; its content is never put into a message.
[[nodiscard]] Result<VzConfig> parse_vz_config(const std::string& text, const std::string& name);

}  // namespace ploopu
