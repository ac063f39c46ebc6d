// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/vz/private_area.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_file_system.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Ctid, Numbers) {
  EXPECT_EQ(parse_ctid("101"), "101");
  EXPECT_EQ(parse_ctid("2147483644"), "2147483644");
  for (const char* bad :
       {"", "0", "00101", "2147483645", "4294967296", "99999999999", "-1", "+1", "1 ", " 1", "0x10",
        "101;x", "%n", "１０１", "../../etc", "-rf", "--help"}) {
    EXPECT_EQ(parse_ctid(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(parse_ctid(std::string(10000, '1')), std::nullopt);
}

TEST(Ctid, UuidsInThreeForms) {
  constexpr char kMixedCase[] = "6A1b0000-1111-2222-3333-444455556666";
  EXPECT_EQ(parse_ctid(kMixedCase), kMixedCase);
  EXPECT_EQ(parse_ctid(std::string("{") + kMixedCase + "}"), kMixedCase);
  EXPECT_EQ(parse_ctid("6A1b0000111122223333444455556666"), kMixedCase);
  for (const char* bad :
       {"6A1b0000-1111-2222-3333-44445555666", "6A1b0000-1111-2222-3333-44445555666g",
        "{6A1b0000-1111-2222-3333-444455556666", "6A1b0000/1111-2222-3333-444455556666",
        "6A1b00001111222233334444555566667", "6A1b-00001111-2222-3333-444455556666"}) {
    EXPECT_EQ(parse_ctid(bad), std::nullopt) << bad;
  }
}

class PrivateAreaTest : public ::testing::Test {
 protected:
  void expect_area(const std::string& path, const std::string& root = "/") {
    const auto area = find_private_area(HostTree(files_, root), "101");
    ASSERT_TRUE(area) << area.error().message;
    EXPECT_EQ(area->path, path);
  }

  void expect_error(ErrorKind kind, const std::string& words) {
    const auto area = find_private_area(HostTree(files_, "/"), "101");
    ASSERT_FALSE(area);
    EXPECT_EQ(area.error().kind, kind);
    EXPECT_THAT(area.error().message, HasSubstr(words));
  }

  FakeFileSystem files_;
};

TEST_F(PrivateAreaTest, TheContainersOwnFileComesFirst) {
  files_.add("/etc/vz/vz.conf", "VE_PRIVATE=/global/ct/$VEID\n");
  files_.add_directory("/global/ct/101");
  files_.add_directory("/own/ct/101");
  files_.add("/etc/vz/conf/101.conf", "ONBOOT=yes\n");
  expect_area("/global/ct/101");
  files_.add("/etc/vz/conf/101.conf", "VE_PRIVATE=\"/own/ct/${VEID}/\"\n");
  expect_area("/own/ct/101");
}

TEST_F(PrivateAreaTest, OneVariableIsReplacedAndNoOther) {
  files_.add("/etc/vz/conf/101.conf", "VE_PRIVATE=/a/$VEID-$VEID\n");
  expect_error(ErrorKind::damaged, "'/a/101-$VEID'");
}

TEST_F(PrivateAreaTest, DefaultAreasWithoutConfiguration) {
  files_.add_directory("/var/lib/vz/private/101");
  const auto area = find_private_area(HostTree(files_, "/"), "101");
  ASSERT_TRUE(area);
  EXPECT_EQ(area->path, "/var/lib/vz/private/101");
  EXPECT_EQ(area->warnings.size(), 2U);
  files_.add_directory("/vz/private/101");
  expect_area("/vz/private/101");
}

TEST_F(PrivateAreaTest, UnderAnotherRoot) {
  files_.add("/old/etc/vz/vz.conf", "VE_PRIVATE=/vz/private/$VEID\n");
  files_.add("/old/etc/vz/conf/101.conf", "X=1\n");
  files_.add_directory("/old/vz/private/101");
  files_.add_directory("/vz/private/101");
  expect_area("/old/vz/private/101", "/old");
  EXPECT_THAT(find_private_area(HostTree(files_, "/old"), "101")->warnings, IsEmpty());
}

TEST_F(PrivateAreaTest, UnknownContainers) {
  expect_error(ErrorKind::not_found, "no container 101: no /etc/vz/conf/101.conf");
  files_.add("/etc/vz/vz.conf", "VE_PRIVATE=/vz/private/$VEID\n");
  expect_error(ErrorKind::not_found, "/vz/private/101 does not exist and no /etc/vz/conf/101.conf");
  files_.add("/etc/vz/conf/101.conf", "X=1\n");
  expect_error(ErrorKind::not_found, "its private area /vz/private/101 does not exist");
}

TEST_F(PrivateAreaTest, RefusesAreasThatCannotBeOne) {
  for (const char* area : {"relative/path", "/", "/etc", "//etc/", "/vz/../etc/101", "/vz/$(id)/x",
                           "/vz/`id`/x", "/vz/$HOME/x", ""}) {
    files_.add("/etc/vz/conf/101.conf", std::string("VE_PRIVATE=\"") + area + "\"\n");
    expect_error(ErrorKind::damaged, "VE_PRIVATE");
  }
}

TEST_F(PrivateAreaTest, BadConfigurationIsNotSkipped) {
  files_.add_directory("/vz/private/101");
  files_.add("/etc/vz/conf/101.conf", "VE_PRIVATE=\"/vz");
  expect_error(ErrorKind::damaged, "101.conf: line 1");
  files_.add_special("/etc/vz/conf/101.conf");
  expect_error(ErrorKind::damaged, "not a regular file");
}

}  // namespace
}  // namespace ploopu::testing
