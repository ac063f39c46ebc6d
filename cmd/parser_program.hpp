// SPDX-License-Identifier: GPL-2.0-or-later
// The program of cmd/parser_main.cpp, which the file of this program contains.
#pragma once

#include <cstddef>
#include <span>

// An executable file; empty in a build without it.
[[nodiscard]] std::span<const std::byte> parser_program();
