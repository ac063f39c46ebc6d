// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/check/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/find/locate.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/fake_file_system.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kCluster = 4096;
constexpr char kBundle[] = "/b/root.hdd";

class CheckTest : public ::testing::Test {
 protected:
  // A file of `clusters` clusters of 4 KiB in all, with something in each that the table has.
  void put(const std::string& name, std::vector<uint32_t> bat, uint64_t clusters,
           PloopSpec spec = {}) {
    spec.cluster_sectors = 8;
    if (spec.disk_sectors == 0) spec.disk_sectors = bat.size() * 8;
    spec.bat = std::move(bat);
    auto file = ploop_file(spec);
    const uint64_t head = file->size();
    const uint64_t unit = spec.version == 1 ? 512 : kCluster;
    for (const uint32_t entry : spec.bat) {
      if (entry * unit >= head && entry < clusters * kCluster / unit) {
        file->write(entry * unit, {std::byte{1}});
      }
    }
    file->set_size(clusters * kCluster);
    files_.add(std::string(kBundle) + "/" + name, file);
  }

  void describe(const DescriptorText& text) {
    files_.add(std::string(kBundle) + "/DiskDescriptor.xml", text.str());
  }

  CheckReport check(const std::string& what = kBundle, const std::string& snapshot = "") {
    const auto report =
        check_image(HostTree(files_, "/"), *locate_image(HostTree(files_, "/"), what), snapshot);
    EXPECT_TRUE(report) << report.error().message;
    return report ? report->report : CheckReport();
  }

  // "kind: words of the message" for each error.
  void expect_errors(const CheckReport& report,
                     const std::vector<std::pair<std::string, std::string>>& expected) {
    ASSERT_EQ(report.errors.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(report.errors[i].kind, expected[i].first);
      EXPECT_THAT(report.errors[i].message, HasSubstr(expected[i].second));
    }
  }

  FakeFileSystem files_;
};

TEST_F(CheckTest, ASoundImage) {
  put("root.hds", {1, 0, 2, 0}, 3, {});
  describe({.disk_sectors = "32"});
  const auto report = check();
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_THAT(report.lost, IsEmpty());
  EXPECT_THAT(report.warnings, IsEmpty());
  EXPECT_EQ(report.leaks, 0U);
  EXPECT_EQ(report.clusters_checked, 4U);
}

TEST_F(CheckTest, EntriesBehindTheEndAndInTheTable) {
  // 2000 entries take two clusters: entry 1 lies in the table.
  std::vector<uint32_t> bat(2000);
  bat[0] = 1;
  bat[5] = bat[6] = 700;
  bat[8] = 2;
  put("root.hds", bat, 3);
  const auto report = check(std::string(kBundle) + "/root.hds");
  expect_errors(report,
                {{"in-metadata", "disk bytes 0 to 4095: 1 clusters, from table entry 0 on"},
                 {"past-end", "disk bytes 20480 to 28671: 2 clusters, from table entry 5"}});
  ASSERT_EQ(report.lost.size(), 2U);
  EXPECT_EQ(report.lost[1].start, 20480U);
  EXPECT_EQ(report.lost[1].length, 8192U);
}

TEST_F(CheckTest, AShortLastCluster) {
  put("root.hds", {1, 2, 0, 0}, 3);
  auto file = ploop_file({.cluster_sectors = 8, .disk_sectors = 32, .bat = {1, 2, 0, 0}});
  file->set_size(2 * kCluster + 1000);
  files_.add(std::string(kBundle) + "/cut", file);
  const auto report = check(std::string(kBundle) + "/cut");
  expect_errors(report, {{"short-cluster", "disk bytes 4096 to 8191: only 1000 of 4096 bytes"}});
  ASSERT_EQ(report.lost.size(), 1U);
  EXPECT_EQ(report.lost[0].start, 5096U);
  EXPECT_EQ(report.lost[0].length, 3096U);
}

TEST_F(CheckTest, H24_DuplicatesNameBothOwners) {
  put("two", {3, 0, 3, 1}, 4);
  expect_errors(check(std::string(kBundle) + "/two"),
                {{"duplicate",
                  "disk bytes 0 to 4095 and disk bytes 8192 to 12287 share file bytes "
                  "from 12288 on"}});
  // Entries of version 1 are sectors: clusters may overlap by a part.
  put("one", {8, 12}, 4, {.version = 1});
  expect_errors(check(std::string(kBundle) + "/one"), {{"duplicate", "from 6144 on"}});
}

TEST_F(CheckTest, LeaksAreCountedOnce) {
  put("root.hds", {1, 5, 5, 0}, 8);
  EXPECT_EQ(check(std::string(kBundle) + "/root.hds").leaks, 5U);
}

TEST_F(CheckTest, ManyLostRangesAreCounted) {
  std::vector<uint32_t> bat(4 * kMaxListed);
  for (size_t i = 0; i < bat.size(); i += 2) bat[i] = 100000;
  put("root.hds", bat, 10);
  const auto report = check(std::string(kBundle) + "/root.hds");
  EXPECT_EQ(report.lost.size(), kMaxListed);
  EXPECT_EQ(report.lost_ranges, 2 * kMaxListed);
  EXPECT_EQ(report.lost_bytes, 2 * kMaxListed * kCluster);
  EXPECT_EQ(report.lost.back().length, kCluster);
}

TEST_F(CheckTest, ManyErrorsOfAKindAreCounted) {
  std::vector<uint32_t> bat(4 * kMaxListed);
  for (size_t i = 0; i < bat.size(); i += 2) bat[i] = 100000;
  put("root.hds", bat, 10);
  const auto report = check(std::string(kBundle) + "/root.hds");
  ASSERT_EQ(report.errors.size(), kMaxListed + 1);
  EXPECT_THAT(report.errors.back().message, HasSubstr("and 1000 more"));
}

TEST_F(CheckTest, WhatCannotBeOpenedIsReported) {
  put("root.hds", {1, 0, 0, 0}, 2);
  describe({.images = image_xml(guid('1'), "root.hds") + image_xml(guid('2'), "gone.hds") +
                      image_xml(kFixedTop, "text"),
            .shots = shot_xml(guid('1'), kNull) + shot_xml(guid('2'), kNull) +
                     shot_xml(kFixedTop, guid('1'))});
  files_.add(std::string(kBundle) + "/text", std::string(100, 'x'));
  auto report = check();
  expect_errors(report, {{"header", "text: not a ploop image"}});
  EXPECT_THAT(report.warnings, Contains(HasSubstr("the chosen state doesn't need it")));
  expect_errors(check(kBundle, "2222"), {{"missing-delta", "gone.hds"}});
  EXPECT_THAT(check(kBundle, "base").errors, IsEmpty());
}

TEST_F(CheckTest, DescriptorsAndChains) {
  files_.add(std::string(kBundle) + "/DiskDescriptor.xml", "<broken");
  expect_errors(check(), {{"descriptor", "not well-formed"}});
  put("root.hds", {1, 0, 0, 0}, 2);
  describe({.shots = shot_xml(kFixedTop, kFixedTop)});
  expect_errors(check(), {{"chain", "its own ancestor"}});
  put("small", {1, 0, 0, 0}, 2);
  auto other = ploop_file({.cluster_sectors = 16, .disk_sectors = 32, .bat = {0, 0}});
  files_.add(std::string(kBundle) + "/other", other);
  describe({.images = image_xml(guid('1'), "small") + image_xml(kFixedTop, "other"),
            .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))});
  expect_errors(check(), {{"chain", "all deltas of a chain need one size"}});
}

TEST_F(CheckTest, WhatMayNotBeReadIsNoReport) {
  put("root.hds", {1}, 2);
  describe({});
  files_.forbid(std::string(kBundle) + "/DiskDescriptor.xml");
  const auto report =
      check_image(HostTree(files_, "/"), *locate_image(HostTree(files_, "/"), kBundle), "");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::not_permitted);
}

}  // namespace
}  // namespace ploopu::testing
