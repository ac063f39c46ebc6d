// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/snapshots.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/find/locate.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/fake_file_system.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kArea[] = "/vz/private/101/";

// 1 - 2 - top, and 3 beside 2.
DescriptorText tree_text() {
  DescriptorText text;
  text.images = image_xml(guid('1'), "root.hds") + image_xml(guid('2'), "root.hds.2") +
                image_xml(kFixedTop, "root.hds.4");
  text.shots = shot_xml(kFixedTop, guid('2')) + shot_xml(guid('3'), guid('1')) +
               shot_xml(guid('2'), guid('1')) + shot_xml(guid('1'), kNull);
  return text;
}

std::string item(const std::string& guid, const std::string& inside) {
  return "<SavedStateItem guid=\"" + guid + "\">" + inside + "</SavedStateItem>";
}

class SnapshotsTest : public ::testing::Test {
 protected:
  SnapshotTree read() {
    const auto tree =
        read_snapshots(HostTree(files_, "/"), *locate_image(HostTree(files_, "/"), "101"));
    EXPECT_TRUE(tree) << tree.error().message;
    return *tree;
  }
  void put(const DescriptorText& text) {
    files_.add(std::string(kArea) + "root.hdd/DiskDescriptor.xml", text.str());
    files_.add("/etc/vz/conf/101.conf", "VE_PRIVATE=/vz/private/$VEID\n");
  }

  FakeFileSystem files_;
};

TEST_F(SnapshotsTest, ParentsComeBeforeTheirChildren) {
  put(tree_text());
  const auto tree = read();
  std::string order;
  for (const auto& snapshot : tree.snapshots) {
    order += snapshot.guid[1];
    order += std::to_string(snapshot.branches) + (snapshot.is_live ? "* " : " ");
  }
  EXPECT_EQ(order, "10 31 21 51* ");
  EXPECT_EQ(tree.snapshots[0].parent, std::nullopt);
  EXPECT_EQ(tree.snapshots[3].parent, guid('2'));
  EXPECT_EQ(tree.snapshots[0].file, "root.hds");
  EXPECT_EQ(tree.snapshots[1].file, "");
}

TEST_F(SnapshotsTest, NamesOfVzctl) {
  put(tree_text());
  files_.add(std::string(kArea) + "Snapshots.xml",
             "<ParallelsSavedStates>" +
                 item("", item("{11111111-1111-1111-1111-111111111111}",
                               "<Name>before</Name><DateTime>2014-01-02 03:04:05</DateTime>"
                               "<Description><![CDATA[a <b> c]]></Description>" +
                                   item(guid('9'), "<Name>of no shot</Name>"))) +
                 "</ParallelsSavedStates>");
  const auto tree = read();
  EXPECT_EQ(tree.snapshots[0].name.name, "before");
  EXPECT_EQ(tree.snapshots[0].name.date, "2014-01-02 03:04:05");
  EXPECT_EQ(tree.snapshots[0].name.description, "a <b> c");
  EXPECT_EQ(tree.snapshots[1].name.name, "");
  EXPECT_THAT(tree.warnings, IsEmpty());
}

TEST_F(SnapshotsTest, BadNamesAreAWarning) {
  put(tree_text());
  files_.add(std::string(kArea) + "Snapshots.xml", "<broken");
  EXPECT_THAT(read().warnings, ElementsAre(HasSubstr("Snapshots.xml: not well-formed")));
}

TEST_F(SnapshotsTest, CyclesAndOrphansAreListed) {
  auto text = tree_text();
  text.shots += shot_xml(guid('6'), guid('7')) + shot_xml(guid('7'), guid('6')) +
                shot_xml(guid('8'), guid('9'));
  put(text);
  EXPECT_EQ(read().snapshots.size(), 7U);
}

TEST_F(SnapshotsTest, ALoneImage) {
  put({.shots = ""});
  const auto tree = read();
  ASSERT_EQ(tree.snapshots.size(), 1U);
  EXPECT_TRUE(tree.snapshots[0].is_live);
}

}  // namespace
}  // namespace ploopu::testing
