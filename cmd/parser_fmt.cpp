// SPDX-License-Identifier: GPL-2.0-or-later
// Distributions have no static library of {fmt}: this file compiles its functions into the program
// of cmd/parser_main.cpp.
#define FMT_HEADER_ONLY 1
#include <fmt/format.h>

// The function is inline here: its address makes the compiler emit it.
[[gnu::used]] static std::string (*const kVformat)(fmt::string_view,
                                                   fmt::format_args) = &fmt::vformat;
