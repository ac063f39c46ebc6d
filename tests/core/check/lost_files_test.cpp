// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/check/lost_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_file_finder.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Disk small_disk() {
  return *Disk::assemble(chain(open_ploop(ploop_file({.cluster_sectors = 8, .disk_sectors = 80}))));
}

LostFiles one_file(const std::string& path, uint64_t unclaimed) {
  LostFiles found;
  found.files.push_back({1, path, 12, "data", {5000, 10}});
  found.unclaimed_bytes = unclaimed;
  return found;
}

TEST(LostFiles, EachPartitionIsAskedAboutItsOwnBytes) {
  FakeFileFinder finder;
  finder.answers[1] = one_file("/a", 7);
  finder.answers[3] = one_file("/b", 8);
  const DiskLayout layout = {"gpt",
                             {{1, 4096, 8192, false, "ext4", "", ""},
                              {2, 12288, 4096, false, "xfs", "", ""},
                              {3, 16384, 4096, false, "", "", ""},
                              {4, 20480, 4096, false, "ext4", "", ""}},
                             {}};
  const std::vector<DiskRange> lost = {{0, 5096}, {12000, 5000}};
  const auto found = find_lost_files(finder, small_disk(), layout, lost);
  ASSERT_EQ(finder.calls.size(), 2U);  // nothing of partition 4 is lost
  ASSERT_EQ(finder.calls[0].second.size(), 2U);
  EXPECT_EQ(finder.calls[0].second[0].start, 4096U);
  EXPECT_EQ(finder.calls[0].second[0].length, 1000U);
  EXPECT_EQ(finder.calls[0].second[1].start, 12000U);
  EXPECT_EQ(finder.calls[0].second[1].length, 288U);
  EXPECT_EQ(finder.calls[1].second[0].start, 16384U);
  ASSERT_EQ(found.files.size(), 2U);
  EXPECT_EQ(found.files[1].path, "/b");
  EXPECT_EQ(found.unclaimed_bytes, 15U);
  EXPECT_THAT(found.notes,
              ElementsAre("partition 2 holds xfs: lost files are found on ext2, ext3 and ext4 only",
                          HasSubstr("4096 lost bytes are in no partition")));
}

TEST(LostFiles, ADiskWithoutATableMayBeOneFileSystem) {
  FakeFileFinder finder;
  finder.answers[0] = fail(ErrorKind::damaged, "no superblock");
  const std::vector<DiskRange> lost = {{0, 512}};
  const auto found = find_lost_files(finder, small_disk(), {}, lost);
  EXPECT_THAT(found.notes, ElementsAre(HasSubstr("the whole disk can't be opened as ext2")));
  EXPECT_THAT(found.notes[0], HasSubstr("no superblock"));
}

}  // namespace
}  // namespace ploopu::testing
