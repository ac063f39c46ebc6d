// SPDX-License-Identifier: GPL-2.0-or-later
// Characters that a terminal doesn't show, or that change the direction of the text around them, of
// Unicode 14.0. Names that hold them can look like other names. tests/hidden-characters.sh prints
// the lines of the table, and compares them.
#pragma once

#include <array>
#include <cstdint>

namespace ploopu {

// Code points, both ends included.
struct CharacterRange {
  uint32_t first = 0;
  uint32_t last = 0;
};

// Sorted, one range a line.
// clang-format off
inline constexpr std::array<CharacterRange, 17> kHiddenCharacters = {{
    {0x00AD, 0x00AD},
    {0x034F, 0x034F},
    {0x061C, 0x061C},
    {0x115F, 0x1160},
    {0x17B4, 0x17B5},
    {0x180B, 0x180F},
    {0x200B, 0x200F},
    {0x2028, 0x202E},
    {0x2060, 0x206F},
    {0x3164, 0x3164},
    {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0},
    {0xFFF0, 0xFFF8},
    {0x1BCA0, 0x1BCA3},
    {0x1D173, 0x1D17A},
    {0xE0000, 0xE0FFF},
}};
// clang-format on

}  // namespace ploopu
