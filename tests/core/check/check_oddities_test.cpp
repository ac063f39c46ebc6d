// SPDX-License-Identifier: GPL-2.0-or-later
// Oddities of an image that lose no byte of the disk cause warnings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/check/check.hpp"
#include "core/find/locate.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/fake_file_system.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr uint64_t kClusterSize = 4096;
constexpr std::byte kByte{1};
constexpr char kDirectory[] = "/b/root.hdd";

class CheckOddities : public ::testing::Test {
 protected:
  // A file of 4 KiB clusters and `size` bytes in all, with something in each cluster.
  std::shared_ptr<MemoryFile> put(const std::string& name, PloopSpec spec, uint64_t size) {
    if (spec.cluster_sectors == 2048) spec.cluster_sectors = 8;
    if (spec.disk_sectors == 0) spec.disk_sectors = spec.bat.size() * 8;
    auto file = ploop_file(spec);
    const uint64_t head = file->size();
    const uint64_t unit = spec.version == 1 ? 512 : uint64_t{spec.cluster_sectors} * 512;
    for (const uint32_t entry : spec.bat) {
      if (entry * unit >= head && entry * unit < size) file->write(entry * unit, {kByte});
    }
    file->set_size(size);
    files_.add(std::string(kDirectory) + "/" + name, file);
    return file;
  }

  void describe(const DescriptorText& text) {
    files_.add(std::string(kDirectory) + "/DiskDescriptor.xml", text.str());
  }

  // The base of `one` shot, the top of another, and a third that branches off the base.
  void describe_tree() {
    describe({.disk_sectors = "32",
              .images = image_xml(guid('1'), "base") + image_xml(kFixedTop, "top") +
                        image_xml(guid('3'), "branch"),
              .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1')) +
                       shot_xml(guid('3'), guid('1'))});
  }

  CheckReport check(const std::string& name = "") {
    const std::string what = kDirectory + (name.empty() ? "" : "/" + name);
    const auto report =
        check_image(HostTree(files_, "/"), *locate_image(HostTree(files_, "/"), what), "");
    EXPECT_TRUE(report) << report.error().message;
    return report ? report->report : CheckReport();
  }

  std::vector<std::string> warnings(const std::string& name = "") {
    const auto report = check(name);
    EXPECT_THAT(report.errors, IsEmpty());
    return report.warnings;
  }

  FakeFileSystem files_;
};

TEST_F(CheckOddities, H27_SlotsBehindTheLastEntryAreCounted) {
  auto file = put("slack", {.bat = {1, 0, 0, 0}}, 2 * kClusterSize);
  EXPECT_THAT(warnings("slack"), IsEmpty());
  file->write(64 + 4 * 4, {std::byte{7}});
  file->write(kClusterSize - 4, {std::byte{0}, std::byte{1}});
  file->write(kClusterSize, pattern(kClusterSize, 1));  // data, no slots
  EXPECT_THAT(warnings("slack"), ElementsAre(HasSubstr("2 slots after the table's 4 entries")));
}

TEST_F(CheckOddities, H27_EntriesBeyondTheDiskAreSlackToo) {
  put("long", {.disk_sectors = 16, .bat = {1, 0, 9, 9, 9}}, 2 * kClusterSize);
  EXPECT_THAT(warnings("long"),
              ElementsAre(HasSubstr("m_Size is 5, but the disk has only 2 clusters"),
                          HasSubstr("3 slots after the table's 2 entries")));
}

TEST_F(CheckOddities, Row16_ATableShorterThanTheDisk) {
  put("short", {.disk_sectors = 64, .bat = {1, 0}}, 2 * kClusterSize);
  EXPECT_THAT(warnings("short"), ElementsAre(HasSubstr("m_Size is 2, but the disk has 8")));
}

TEST_F(CheckOddities, SlackEndsWhereVersion1PutsItsFirstData) {
  // Data begins in the sector after the table, which is no part of the table.
  auto file = put("one", {.version = 1, .bat = {1, 0}}, kClusterSize + 512);
  file->write(512, pattern(kClusterSize, 1));
  EXPECT_THAT(warnings("one"), ElementsAre(HasSubstr("1 entries are not aligned")));
  file->write(100, {std::byte{1}});
  EXPECT_THAT(warnings("one"), Contains(HasSubstr("1 slots after")));
}

TEST_F(CheckOddities, H26_UnalignedEntriesOfVersion1) {
  put("one", {.version = 1, .bat = {8, 17, 33}, .data_sector = 8}, 6 * kClusterSize);
  EXPECT_THAT(warnings("one"), ElementsAre(HasSubstr("2 entries are not aligned to clusters")));
}

// The disk has zeros there, rightly or because whoever copied the file lost what it had.
TEST_F(CheckOddities, H28_ClustersThatAreHolesOfTheFile) {
  for (const int version : {1, 2}) {
    const uint32_t unit = version == 1 ? 8 : 1;
    const PloopSpec spec{.version = version,
                         .cluster_sectors = 8,
                         .disk_sectors = 48,
                         .bat = {6 * unit, 3 * unit, 0, 5 * unit, 4 * unit, 2 * unit},
                         .data_sector = 8};
    auto file = ploop_file(spec);
    // In the last byte of one cluster, all of another, the first of a third.
    file->write(5 * kClusterSize - 1, {kByte});
    file->write(5 * kClusterSize, pattern(kClusterSize, 1));
    file->write(6 * kClusterSize, {kByte});
    file->set_size(7 * kClusterSize);
    files_.add(std::string(kDirectory) + "/holes", file);
    EXPECT_THAT(warnings("holes"), ElementsAre(HasSubstr("2 clusters are holes in the file")));
    file->write(2 * kClusterSize, {kByte});
    file->write(4 * kClusterSize - 1, {kByte});
    EXPECT_THAT(warnings("holes"), IsEmpty());
  }
}

TEST_F(CheckOddities, H15_TheOffsetOfTheFirstData) {
  const auto offset = [&](int version, uint32_t sector) {
    put("x",
        {.version = version, .bat = {uint32_t{version == 1 ? 16U : 2U}}, .data_sector = sector},
        3 * kClusterSize);
    return warnings("x");
  };
  EXPECT_THAT(offset(2, 0), ElementsAre(HasSubstr("m_FirstBlockOffset is 0, which version 2")));
  EXPECT_THAT(offset(2, 9), ElementsAre(HasSubstr("9, which is not a multiple of the cluster")));
  EXPECT_THAT(offset(2, 32), ElementsAre(HasSubstr("32, which is after the end")));
  EXPECT_THAT(offset(2, UINT32_MAX), ElementsAre(HasSubstr("after the end")));
  EXPECT_THAT(offset(2, 8), IsEmpty());
  EXPECT_THAT(offset(2, 16), IsEmpty());
  EXPECT_THAT(offset(1, 0), Each(Not(HasSubstr("m_FirstBlockOffset"))));
  EXPECT_THAT(offset(1, 1), Each(Not(HasSubstr("m_FirstBlockOffset"))));
  const std::vector<uint32_t> long_table(200);
  put("x", {.version = 1, .bat = long_table, .data_sector = 1}, 2 * kClusterSize);
  EXPECT_THAT(warnings("x"), Contains(HasSubstr("1, which is inside the table")));
}

TEST_F(CheckOddities, H29_AFileThatEndsWithinACluster) {
  put("tail", {.bat = {1, 0}}, 2 * kClusterSize + 100);
  EXPECT_THAT(warnings("tail"), ElementsAre(HasSubstr("has 8292 bytes, which is not a multiple")));
}

TEST_F(CheckOddities, H17_WhoeverHasItOpenIsNamedForEveryFile) {
  put("base", {.bat = {1, 0, 0, 0}, .in_use = kDiskInUse}, 2 * kClusterSize);
  put("top", {.cluster_sectors = 16, .disk_sectors = 32, .bat = {0, 0}, .in_use = kDiskInUse},
      8192);
  put("branch", {.bat = {0, 0, 0, 0}, .in_use = 0x32326470}, kClusterSize);
  describe_tree();
  const auto report = check();  // base and top don't fit: no disk
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_EQ(report.errors[0].kind, "chain");
  EXPECT_THAT(report.warnings, Contains(HasSubstr("base: was not closed")));
  EXPECT_THAT(report.warnings, Contains(HasSubstr("top: was not closed")));
  EXPECT_THAT(report.warnings, Contains(HasSubstr("branch: m_DiskInUse is 0x32326470")));
}

TEST_F(CheckOddities, OneWarningForOneFault) {
  put("root.hds", {.bat = {1, 0, 0, 0}, .in_use = kDiskInUse}, 2 * kClusterSize);
  describe({.disk_sectors = "48", .cluster_sectors = "16"});
  EXPECT_THAT(warnings(),
              ElementsAre(HasSubstr("was not closed"), HasSubstr("<Disk_size> is 48 sectors"),
                          HasSubstr("<Blocksize> is 16 sectors")));
}

TEST_F(CheckOddities, DescriptorsAreComparedWithoutADiskToo) {
  put("top", {.bat = {0, 0, 0, 0}}, kClusterSize);
  describe_tree();
  describe({.disk_sectors = "48",
            .images = image_xml(guid('1'), "gone") + image_xml(kFixedTop, "top"),
            .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))});
  const auto report = check();
  EXPECT_EQ(report.errors[0].kind, "missing-delta");
  EXPECT_THAT(report.warnings, Contains(HasSubstr("<Disk_size> is 48 sectors")));
}

TEST_F(CheckOddities, OtherBranchesAreComparedToo) {
  put("base", {.bat = {1, 0, 0, 0}}, 2 * kClusterSize);
  put("top", {.bat = {0, 0, 0, 0}}, kClusterSize);
  put("branch", {.version = 1, .cluster_sectors = 16, .disk_sectors = 16, .bat = {0}}, 8192);
  describe_tree();
  const auto all = warnings();
  EXPECT_THAT(all, Contains(HasSubstr("branch: has clusters of 8192 bytes, but")));
  EXPECT_THAT(all, Contains(HasSubstr("branch: is ploop v1, but")));
  EXPECT_THAT(all, Contains(HasSubstr("branch: describes a smaller disk")));
  EXPECT_THAT(all, Each(Not(HasSubstr("/top:"))));
}

TEST_F(CheckOddities, ShotsImagesAndParentsThatDoNotMatch) {
  put("top", {.bat = {1, 0, 0, 0}}, 2 * kClusterSize);
  describe({.disk_sectors = "32",
            .images = image_xml(kFixedTop, "top") + image_xml(guid('2'), "gone"),
            .shots = shot_xml(kFixedTop, kNull) + shot_xml(guid('3'), guid('4')) +
                     shot_xml(guid('5'), guid('6')) + shot_xml(guid('6'), guid('5')) +
                     shot_xml(guid('7'), guid('5'))});
  const auto all = warnings();
  EXPECT_THAT(all, Contains(AllOf(HasSubstr("no <Shot> uses the image " + guid('2')),
                                  HasSubstr("(gone)"))));
  EXPECT_THAT(all, Contains(HasSubstr("gone")));
  EXPECT_THAT(all, Contains(HasSubstr("the <Shot> " + guid('3') + " has no <Image>")));
  EXPECT_THAT(all, Contains(HasSubstr("has the parent " + guid('4') + ", which isn't listed")));
  EXPECT_THAT(all, Contains(HasSubstr(guid('5') + " is its own ancestor")));
  EXPECT_THAT(all, Each(Not(HasSubstr(guid('7') + " is its own"))));
}

TEST_F(CheckOddities, FilesThatNobodyLists) {
  put("root.hds", {.bat = {1, 0, 0, 0}}, 2 * kClusterSize);
  describe({.disk_sectors = "32"});
  for (const char* name : {"DiskDescriptor.xml.lck", "x.tmp", "root.hds.idx", "old.mnt"}) {
    put(name, {.bat = {0}}, kClusterSize);
  }
  files_.add(std::string(kDirectory) + "/notes", std::string(100, 'x'));
  files_.add_special(std::string(kDirectory) + "/fifo");
  EXPECT_THAT(warnings(), IsEmpty());
  put("forgotten", {.bat = {0}}, kClusterSize);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("no <Image> lists forgotten, ploop files beside")));
  for (int i = 0; i < 30; ++i) put("more" + std::to_string(i), {.bat = {0}}, kClusterSize);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("and 11 more")));
}

TEST_F(CheckOddities, ATableThatCannotBeRead) {
  auto file = put("bad", {.bat = {1, 0, 0, 0}}, 2 * kClusterSize);
  file->fail_at(70, EIO);
  const auto report = check("bad");
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_EQ(report.errors[0].kind, "header");
  EXPECT_THAT(report.errors[0].message, HasSubstr("block allocation table"));
}

TEST_F(CheckOddities, AFileThatIsListedTwiceIsCheckedOnce) {
  describe({.disk_sectors = "32",
            .images = image_xml(guid('1'), "base") + image_xml(kFixedTop, "./base"),
            .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, kNull)});
  auto file = put("base", {.bat = {1, 0, 0, 0}}, 2 * kClusterSize);
  files_.add(std::string(kDirectory) + "/./base", file);
  const auto report = check();
  EXPECT_EQ(report.clusters_checked, 4U);
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_THAT(report.errors[0].message, HasSubstr("./base is listed more than once"));
}

TEST_F(CheckOddities, WhatIsRefusedIsNotDamaged) {
  describe({.images = image_xml(kFixedTop, "/elsewhere/root.hds")});
  files_.add("/elsewhere/root.hds", "x");
  const auto outside =
      check_image(HostTree(files_, "/"), *locate_image(HostTree(files_, "/"), kDirectory), "");
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().kind, ErrorKind::refused);
}

TEST_F(CheckOddities, OfADiskThatCannotBePutTogetherAllIsLost) {
  describe({.images = image_xml(kFixedTop, "gone")});
  EXPECT_FALSE(check().is_readable);
  put("gone", {.bat = {1, 0, 0, 0}}, 2 * kClusterSize);
  EXPECT_TRUE(check().is_readable);
}

}  // namespace
}  // namespace ploopu::testing
