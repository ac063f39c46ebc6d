// SPDX-License-Identifier: GPL-2.0-or-later
// Every exit code of the program, in one table. The manual page ploopu(8) lists the same codes,
// which a test compares.
#pragma once

#include <string_view>

#include "core/base/result.hpp"

namespace ploopu {

// `check` ran to its end and found something.
inline constexpr int kFoundDamage = 2;
inline constexpr int kFoundLeaks = 3;  // and nothing worse

// The exit code of a command that ends with an error of this kind: a number of sysexits.h where one
// fits.
[[nodiscard]] int exit_code(ErrorKind kind);

// The stable name of a kind in JSON output.
[[nodiscard]] std::string_view kind_name(ErrorKind kind);

// What mount.ploopu exits with where ploopu would exit with `code`; the codes are those of
// mount(8).
[[nodiscard]] int mount_exit_code(int code);

}  // namespace ploopu
