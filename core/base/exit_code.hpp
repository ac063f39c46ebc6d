// SPDX-License-Identifier: GPL-2.0-or-later
// Every exit code of the program, in one table. A test compares it with the list in ploopu(8).
#pragma once

#include <string_view>

#include "core/base/result.hpp"

namespace ploopu {

// Exit codes of a `check` that ran to its end and found faults.
inline constexpr int kFoundDamage = 2;
inline constexpr int kFoundLeaks = 3;  // clusters that no BAT entry leads to, no damage

// The exit code of a command that ends with an error of this kind: a number of sysexits.h where one
// fits.
[[nodiscard]] int exit_code(ErrorKind kind);

// The stable name of a kind in JSON output.
[[nodiscard]] std::string_view kind_name(ErrorKind kind);

// The exit code of mount(8) that mount.ploopu gives for exit code `code` of ploopu.
[[nodiscard]] int mount_exit_code(int code);

}  // namespace ploopu
