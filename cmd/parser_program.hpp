// SPDX-License-Identifier: GPL-2.0-or-later
// The compiled cmd/parser_main.cpp, which is embedded in the executable of ploopu.
#pragma once

#include <cstddef>
#include <span>

// An executable file; empty in a build without it.
[[nodiscard]] std::span<const std::byte> parser_program();
