// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/vz/container_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/find/locate.hpp"
#include "tests/support/fake_file_system.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kUuid[] = "6A1b0000-1111-2222-3333-444455556666";

class ContainerNameTest : public ::testing::Test {
 protected:
  ContainerNameTest() {
    files_.add("/etc/vz/conf/101.conf", "NAME=\"web\"\nVE_PRIVATE=/vz/private/$VEID\n");
    files_.add_directory("/vz/private/101");
    files_.add_link("/etc/vz/names/web", "/etc/vz/conf/101.conf");
    const std::string area = std::string("/vz/private/") + kUuid;
    files_.add(area + "/ve.conf", std::string("VEID=") + kUuid + "\nNAME=db\n");
    files_.add_link(std::string("/etc/vz/conf/") + kUuid + ".conf", area + "/ve.conf");
    files_.add_link("/etc/vz/names/db", area + "/ve.conf");
  }

  std::string ctid(const std::string& word, const std::string& root = "/") {
    const auto found = find_container(HostTree(files_, root), word);
    if (!found) return "error: " + found.error().message;
    return *found ? (*found)->ctid : "none";
  }

  void expect_error(const std::string& word, ErrorKind kind, const std::string& words) {
    const auto found = find_container(HostTree(files_, "/"), word);
    ASSERT_FALSE(found) << word;
    EXPECT_EQ(found.error().kind, kind);
    EXPECT_THAT(found.error().message, HasSubstr(words));
  }

  FakeFileSystem files_;
};

TEST_F(ContainerNameTest, IdsAndNamesOfLegacyContainers) {
  EXPECT_EQ(ctid("101"), "101");
  EXPECT_EQ(ctid("web"), "101");
  EXPECT_EQ(ctid("nobody"), "none");
  files_.add_link("/etc/vz/names/web", "../conf/101.conf");
  EXPECT_EQ(ctid("web"), "101");
}

TEST_F(ContainerNameTest, Row58_TheIdBehindALinkToVeConfIsItsVeid) {
  EXPECT_EQ(ctid("db"), kUuid);
  EXPECT_EQ(ctid(std::string("{") + kUuid + "}"), kUuid);
  // Without the link in conf, VEID must name the private area that the link leads to.
  files_.add("/vz/private/102/ve.conf", "VEID=102\nNAME=mail\n");
  files_.add_link("/etc/vz/names/mail", "/vz/private/102/ve.conf");
  EXPECT_EQ(ctid("mail"), "102");
}

TEST_F(ContainerNameTest, UnderAnotherRoot) {
  files_.add("/old/etc/vz/conf/103.conf", "NAME=files\n");
  files_.add_link("/old/etc/vz/names/files", "/etc/vz/conf/103.conf");
  EXPECT_EQ(ctid("files", "/old"), "103");
  EXPECT_EQ(ctid("files"), "none");
  EXPECT_EQ(ctid("web", "/old"), "none");
}

TEST_F(ContainerNameTest, TheConfigurationMustAgree) {
  files_.add("/etc/vz/conf/101.conf", "NAME=\"other\"\n");
  expect_error("web", ErrorKind::damaged, "container 101 does not have the NAME 'web'");
  files_.add("/etc/vz/conf/101.conf", "X=1\n");
  expect_error("web", ErrorKind::damaged, "does not have the NAME 'web'");
}

TEST_F(ContainerNameTest, ANumberThatIsTheNameOfAnotherContainer) {
  files_.add("/etc/vz/conf/101.conf", "NAME=\"202\"\n");
  files_.add_link("/etc/vz/names/202", "/etc/vz/conf/101.conf");
  expect_error("202", ErrorKind::usage, "give the path");
  files_.add("/etc/vz/conf/101.conf", "NAME=\"101\"\n");
  files_.add_link("/etc/vz/names/101", "/etc/vz/conf/101.conf");
  EXPECT_EQ(ctid("101"), "101");
  // A name that can't be followed doesn't hide the ID, but is not passed over in silence.
  files_.add_link("/etc/vz/names/101", "/etc/vz/conf/gone.conf");
  EXPECT_EQ(ctid("101"), "101");
  EXPECT_THAT(find_container(HostTree(files_, "/"), "101").value()->warnings, Not(IsEmpty()));
}

TEST_F(ContainerNameTest, H67_LinksThatLeadElsewhereAreRefused) {
  files_.add("/tmp/101.conf", "NAME=evil\nVEID=101\n");
  files_.add_link("/etc/vz/names/evil", "/tmp/101.conf");
  expect_error("evil", ErrorKind::damaged, "not the configuration of container 101");
  files_.add("/tmp/ve.conf", "NAME=evil\nVEID=101\n");
  files_.add_link("/etc/vz/names/evil", "/tmp/ve.conf");
  expect_error("evil", ErrorKind::damaged, "not the configuration of container 101");
  files_.add("/tmp/ve.conf", "NAME=evil\nVEID=../../tmp\n");
  expect_error("evil", ErrorKind::damaged, "neither a CTID.conf nor a ve.conf");
  files_.add_link("/etc/vz/names/evil", "/etc/vz/conf/0.conf");
  expect_error("evil", ErrorKind::not_found, "does not exist");
  files_.add("/etc/vz/names/file", "101");
  expect_error("file", ErrorKind::damaged, "not a symbolic link");
}

TEST_F(ContainerNameTest, H66_BadNamesNeverBecomePaths) {
  files_.add("/etc/vz/secret", "x");
  for (const std::string& bad :
       {std::string("../secret"), std::string("../../etc"), std::string(".."), std::string("."),
        std::string(""), std::string("101;x"), std::string("%n"), std::string("a\nb"),
        std::string("$(id)"), std::string("a\0b", 3), std::string(10000, 'a')}) {
    EXPECT_FALSE(is_container_name(bad)) << bad;
    EXPECT_EQ(ctid(bad), "none") << bad;
    const auto location = locate_image(HostTree(files_, "/"), bad);
    EXPECT_FALSE(location) << bad;
  }
  // Legal names, but of nobody.
  for (const char* nobody : {"-rf", "--help", "0", "00101", "4294967296", "１０１"}) {
    EXPECT_EQ(ctid(nobody), "none") << nobody;
    const auto location = locate_image(HostTree(files_, "/"), nobody);
    ASSERT_FALSE(location) << nobody;
    EXPECT_EQ(location.error().kind, ErrorKind::not_found);
  }
}

TEST_F(ContainerNameTest, H68_ALinkToTheShadowFileIsRefusedUnread) {
  files_.add("/etc/shadow", "NAME=root\nroot:$6$secret\nVE_PRIVATE=\"secret");
  files_.add_link("/etc/vz/names/root", "/etc/shadow");
  files_.add_link("/etc/vz/conf/104.conf", "/etc/shadow");
  for (const char* word : {"root", "104"}) {
    const auto location = locate_image(HostTree(files_, "/"), word);
    ASSERT_FALSE(location);
    EXPECT_EQ(location.error().kind, ErrorKind::damaged);
    EXPECT_THAT(location.error().message, HasSubstr("/etc/shadow"));
    EXPECT_THAT(location.error().message, Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace ploopu::testing
