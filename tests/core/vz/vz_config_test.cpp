// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/vz/vz_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string value(const std::string& line) {
  const auto config = parse_vz_config(line, "CONF");
  EXPECT_TRUE(config) << config.error().message;
  const std::string* found = config->find("K");
  return found != nullptr ? *found : "(none)";
}

TEST(VzConfig, Quotes) {
  EXPECT_EQ(value("K=\"/vz/private/$VEID\""), "/vz/private/$VEID");
  EXPECT_EQ(value("K='a b'"), "a b");
  EXPECT_EQ(value("K=a b  "), "a b");
  EXPECT_EQ(value("K="), "");
  EXPECT_EQ(value("K=\"\""), "");
  EXPECT_EQ(value("K=\"a\" trailing"), "a");
  EXPECT_EQ(value("K=\"a\"b\" c"), "a\"b");
}

TEST(VzConfig, BackslashesGoAndWhatTheyEscapedStays) {
  EXPECT_EQ(value("K=a\\b\\\\c"), "ab\\c");
  EXPECT_EQ(value("K=\\\"a\\\""), "a");
}

TEST(VzConfig, Comments) {
  EXPECT_EQ(value("# K=1"), "(none)");
  EXPECT_EQ(value("  # K=1"), "(none)");
  EXPECT_EQ(value("K=1 # note"), "1");
  EXPECT_EQ(value("K=1#2"), "1#2");
  EXPECT_EQ(value("K=\"1 # 2\" # \"note\""), "1 # 2");
}

TEST(VzConfig, NoBlanksAroundTheEqualsSign) {
  EXPECT_EQ(value("K =1"), "(none)");
  EXPECT_EQ(value("K= 1"), "(none)");
  EXPECT_EQ(value("  K=1"), "1");
}

TEST(VzConfig, LastOneCountsAndOtherLinesAreIgnored) {
  EXPECT_EQ(value("K=1\nsource /etc/passwd\n$(reboot)\n`x`=2\nk=3\nK=2\r\n"), "2");
}

TEST(VzConfig, RepeatedKeysAreKnown) {
  const auto config = parse_vz_config("K=1\nL=1\nK=1\n", "CONF");
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->repeated.contains("K"));
  EXPECT_FALSE(config->repeated.contains("L"));
  EXPECT_EQ(config->find("k"), nullptr);
}

TEST(VzConfig, H64_RefusesWhatIsNoConfiguration) {
  const auto refused = [](const std::string& text, const char* words) {
    const auto config = parse_vz_config(text, "CONF");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().kind, ErrorKind::damaged);
    EXPECT_THAT(config.error().message, HasSubstr(words));
    EXPECT_THAT(config.error().message, Not(HasSubstr("secret")));
  };
  refused("A=1\nK=\"secret", "line 2: the quote after K=");
  refused(std::string("K=1\0secret", 10), "NUL");
  refused("K=" + std::string(70000, 'x'), "line 1 is longer");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "K=1\n";
  refused(many, "more than 4096 settings");
}

}  // namespace
}  // namespace ploopu::testing
