// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/find/image_use.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/find/locate.hpp"
#include "tests/support/fake_file_system.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class UsePlacesTest : public ::testing::Test {
 protected:
  UsePlacesTest() {
    for (const char* root : {"", "/old"}) {
      const std::string area = std::string(root) + "/vz/private/101";
      files_.add(area + "/root.hdd/DiskDescriptor.xml", "<x/>");
      files_.add(area + "/root.hdd/DiskDescriptor.xml.lck", "");
      files_.add(area + "/.lck", "");
      files_.add(std::string(root) + "/etc/vz/conf/101.conf", "VE_PRIVATE=/vz/private/$VEID\n");
    }
  }

  FoundPlaces find(const std::string& image, const std::string& root = "/") {
    const HostTree tree(files_, root);
    const auto location = locate_image(tree, image);
    EXPECT_TRUE(location) << location.error().message;
    return find_use_places(tree, *location);
  }

  FakeFileSystem files_;
};

TEST_F(UsePlacesTest, OfAContainer) {
  files_.add("/etc/vz/vz.conf", "LOCKDIR=/var/vzlock\nVE_ROOT=/vz/root/$VEID\n");
  files_.add("/var/vz/101.conf.lck", "");
  const auto found = find("101");
  EXPECT_EQ(found.places.ctid, "101");
  EXPECT_EQ(found.places.mount_root, "/vz/root/101");
  EXPECT_THAT(found.places.pid_files, ElementsAre("/var/vzlock/101.lck"));
  EXPECT_THAT(found.places.flocks,
              UnorderedElementsAre("/vz/private/101/root.hdd/DiskDescriptor.xml.lck",
                                   "/vz/private/101/.lck", "/var/vz/101.conf.lck"));
  EXPECT_THAT(found.traces, IsEmpty());
}

TEST_F(UsePlacesTest, APathOfAContainerOfThisHost) {
  EXPECT_EQ(find("/vz/private/101/root.hdd").places.ctid, "101");
  files_.add("/backup/101/root.hdd/DiskDescriptor.xml", "<x/>");
  EXPECT_EQ(find("/backup/101/root.hdd").places.ctid, std::nullopt);
}

TEST_F(UsePlacesTest, OnADeadHostsDiskOnlyItsFilesCount) {
  files_.add("/old/vz/dump/Dump.101", "x");
  const auto found = find("101", "/old");
  EXPECT_EQ(found.places.ctid, std::nullopt);
  EXPECT_THAT(found.places.pid_files, IsEmpty());
  EXPECT_EQ(found.places.flocks.size(), 2U);
  ASSERT_EQ(found.traces.size(), 1U);
  EXPECT_THAT(found.traces[0].text,
              HasSubstr("/vz/dump/Dump.101 exists: the container is suspended"));
}

TEST_F(UsePlacesTest, TracesInThePrivateArea) {
  files_.add("/vz/private/101/.running", "");
  files_.add("/vz/private/101/dump/Dump", "x");
  files_.add("/vz/private/101/.owner", "host7");
  const auto found = find("101");
  ASSERT_EQ(found.traces.size(), 3U);
  EXPECT_EQ(found.traces[0].kind, UseKind::trace);
}

TEST(UseVerdict, H16_RunningHindersReadingTheLiveStateOnly) {
  const std::vector<Use> uses = {
      {UseKind::trace, "t"}, {UseKind::running, "r"}, {UseKind::writing, "w"}};
  const auto live = judge_uses(uses, true);
  EXPECT_THAT(live.hindrances, ElementsAre("r", "w"));
  EXPECT_THAT(live.warnings, ElementsAre("t"));
  const auto older = judge_uses(uses, false);
  EXPECT_THAT(older.hindrances, ElementsAre("w"));
  EXPECT_THAT(older.warnings, ElementsAre("t", "r"));
}

TEST(UseVerdict, ARefusalAndTheWarningsNameWho) {
  const UseVerdict free{{}, {"t"}};
  EXPECT_TRUE(check_not_in_use("/image", free));
  EXPECT_THAT(warnings_of("/image", free), ElementsAre("t"));
  const UseVerdict used{{"r", "w"}, {"t"}};
  const auto refused = check_not_in_use("/image", used);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::busy);
  EXPECT_EQ(refused.error().message,
            "/image: is in use: r; w; stop that, or use --live to read data that may "
            "change meanwhile");
  EXPECT_THAT(warnings_of("/image", used),
              ElementsAre("/image: is in use: r; w; data may change while it is read", "t"));
}

}  // namespace
}  // namespace ploopu::testing
