// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/text.hpp"

#include <gtest/gtest.h>

namespace ploopu::testing {
namespace {

TEST(Text, EscapesControlCharactersAndWhatIsNoUtf8) {
  EXPECT_EQ(escape_bytes("plain / Größe 漢字 😀"), "plain / Größe 漢字 😀");
  EXPECT_EQ(escape_bytes("a\nb\x1b[31m\x7f"), "a\\x0ab\\x1b[31m\\x7f");
  EXPECT_EQ(escape_bytes("\xc2\x9b"), "\\xc2\\x9b");  // a C1 control
  EXPECT_EQ(escape_bytes("\xc0\xaf\xed\xa0\x80"),
            "\\xc0\\xaf\\xed\\xa0\\x80");  // overlong, surrogate
  EXPECT_EQ(escape_bytes("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(escape_bytes("\xe2\x82"), "\\xe2\\x82");  // cut
  EXPECT_EQ(escape_bytes(std::string(1, '\0')), "\\x00");
}

// With such characters a name looks like another name.
TEST(Text, A15_H83_HiddenCharactersAreEscaped) {
  EXPECT_EQ(escape_bytes("a\xe2\x80\xaez"), "a\\xe2\\x80\\xaez");  // U+202E
  for (const char* hidden : {"\xe2\x80\x8b", "\xe2\x80\xa8", "\xe2\x81\xa6", "\xef\xbb\xbf"}) {
    EXPECT_EQ(escape_bytes(hidden).substr(0, 2), "\\x");
  }
  // U+00AD, U+034F, U+061C, U+115F, U+180E, U+3164 and U+E0041.
  for (const char* hidden : {"\xc2\xad", "\xcd\x8f", "\xd8\x9c", "\xe1\x85\x9f", "\xe1\xa0\x8e",
                             "\xe3\x85\xa4", "\xf3\xa0\x81\x81"}) {
    EXPECT_EQ(escape_bytes(hidden).substr(0, 2), "\\x") << escape_bytes(hidden);
  }
  EXPECT_EQ(escape_bytes("\xe2\x80\x94\xe2\x82\xac"), "\xe2\x80\x94\xe2\x82\xac");  // dash, euro
}

TEST(Text, HumanSizes) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(512), "512 B");
  EXPECT_EQ(human_size(32256), "31.5 KiB");
  EXPECT_EQ(human_size(1 << 20), "1 MiB");
  EXPECT_EQ(human_size((uint64_t{1} << 40) - 1), "1 TiB");
  EXPECT_EQ(human_size(UINT64_MAX), "16 EiB");
}

TEST(Text, Trim) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
}

TEST(Text, Numbers) {
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_number("ff", 16), 255U);
  for (const char* bad : {"", " 1", "1 ", "+1", "-1", "1x", "18446744073709551616", "0x1"}) {
    EXPECT_EQ(parse_number(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace ploopu::testing
