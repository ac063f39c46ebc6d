// SPDX-License-Identifier: GPL-2.0-or-later
// Disks that sfdisk and mkfs wrote, seen through Disk without any device.
#include "platform/blkid_prober.hpp"

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/posix_file_system.hpp"
#include "tests/support/ploop_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kMiB = 1 << 20;

class BlkidProberTest : public ::testing::Test {
 protected:
  void make_disk(uint64_t size) {
    dir_.write("disk", "");
    std::filesystem::resize_file(dir_ / "disk", size);
  }

  void partition(const std::string& script) { shell("sfdisk -q disk <<'X'\n" + script + "\nX\n"); }

  void shell(const std::string& command) {
    ASSERT_EQ(
        std::system(("cd " + dir_.path() + " && PATH=/usr/sbin:/sbin:$PATH && " + command).c_str()),
        0)
        << command;
  }

  DiskLayout probe() {
    const auto disk =
        Disk::assemble(chain(open_raw(*PosixFileSystem().open_image(dir_ / "disk"), 2048)));
    auto layout = BlkidProber().probe(*disk);
    EXPECT_TRUE(layout) << layout.error().message;
    return *layout;
  }

  TemporaryDirectory dir_;
};

TEST_F(BlkidProberTest, Gpt) {
  make_disk(64 * kMiB);
  partition("label: gpt\nstart=2048, size=65536\nstart=67584, size=32768");
  shell(
      "mke2fs -q -t ext4 -L root -U 11111111-2222-3333-4444-555555555555 -E offset=1048576 disk "
      "32M");
  const auto layout = probe();
  EXPECT_EQ(layout.table, "gpt");
  ASSERT_EQ(layout.partitions.size(), 2U);
  const Partition& first = layout.partitions[0];
  EXPECT_EQ(first.number, 1U);
  EXPECT_EQ(first.start, kMiB);
  EXPECT_EQ(first.size, 32 * kMiB);
  EXPECT_EQ(first.fstype, "ext4");
  EXPECT_EQ(first.label, "root");
  EXPECT_EQ(first.uuid, "11111111-2222-3333-4444-555555555555");
  EXPECT_EQ(layout.partitions[1].fstype, "");
  EXPECT_THAT(layout.warnings, IsEmpty());
}

TEST_F(BlkidProberTest, MbrWithLogicalPartitionsFarAway) {
  make_disk(256 * kMiB);
  partition(
      "label: dos\nstart=2048, size=2048, type=83\nstart=8192, type=5\n"
      "start=10240, size=2048, type=83\nstart=400000, size=20480, type=83");
  shell("mke2fs -q -t ext2 -L far -E offset=$((400000 * 512)) disk 10M");
  const auto layout = probe();
  EXPECT_EQ(layout.table, "dos");
  ASSERT_EQ(layout.partitions.size(), 4U);
  EXPECT_EQ(layout.partitions[3].number, 6U);
  EXPECT_EQ(layout.partitions[3].start, 400000U * 512);
  EXPECT_EQ(layout.partitions[3].label, "far");
}

TEST_F(BlkidProberTest, ALoopOfExtendedRecordsEnds) {
  make_disk(64 * kMiB);
  partition("label: dos\nstart=2048, type=5\nstart=4096, size=2048, type=83");
  // The extended record's second entry points at itself: type 5, offset 0.
  shell(
      "printf '\\005' | dd of=disk bs=1 seek=$((2048 * 512 + 462 + 4)) conv=notrunc status=none; "
      "printf '\\000\\010\\000\\000' | dd of=disk bs=1 seek=$((2048 * 512 + 462 + 12)) "
      "conv=notrunc status=none");
  EXPECT_LE(probe().partitions.size(), 100U);
}

// Each one costs memory and two reads: 128 of them made a small image take 250 MB.
TEST_F(BlkidProberTest, ATableOfVeryManyPartitions) {
  make_disk(256 * kMiB);
  std::string script = "label: gpt\n";
  for (int i = 1; i <= 100; ++i) script += "start=" + std::to_string(i * 4096) + ", size=4096\n";
  partition(script);
  const auto layout = probe();
  EXPECT_EQ(layout.partitions.size(), 16U);
  EXPECT_EQ(layout.partitions[15].number, 16U);
  EXPECT_THAT(layout.warnings, ElementsAre(HasSubstr("has 100 entries")));
}

TEST_F(BlkidProberTest, AFileSystemWithoutTable) {
  make_disk(32 * kMiB + 512);
  shell("mke2fs -q -F -t ext4 disk");
  const auto layout = probe();
  EXPECT_EQ(layout.table, "");
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_EQ(layout.partitions[0].number, 0U);
  EXPECT_EQ(layout.partitions[0].size, 32 * kMiB + 512);
  EXPECT_EQ(layout.partitions[0].fstype, "ext4");
}

TEST_F(BlkidProberTest, Nothing) {
  make_disk(kMiB);
  EXPECT_THAT(probe().partitions, IsEmpty());
  make_disk(512);
  EXPECT_THAT(probe().partitions, IsEmpty());
}

TEST_F(BlkidProberTest, TwoFileSystemsInOnePlaceAreNeither) {
  make_disk(400 * kMiB);
  shell(
      "mkfs.xfs -q -f disk && dd if=disk of=xfs bs=512 count=1 status=none && "
      "dd if=/dev/zero of=disk bs=1M count=1 conv=notrunc status=none && mke2fs -q -F -t ext4 disk "
      "&& "
      "dd if=xfs of=disk conv=notrunc status=none");
  const auto layout = probe();
  EXPECT_THAT(layout.partitions, IsEmpty());
  EXPECT_THAT(layout.warnings, ElementsAre(HasSubstr("more than one file system")));
}

TEST_F(BlkidProberTest, WhatCannotBeReadIsSaid) {
  auto file = ploop_file({.disk_sectors = 8192, .bat = {99, 0, 0, 0}});
  const auto disk = Disk::assemble(chain(open_ploop(file)));
  const auto layout = BlkidProber().probe(*disk);
  ASSERT_TRUE(layout);
  EXPECT_THAT(layout->partitions, IsEmpty());
  EXPECT_THAT(layout->warnings, ElementsAre(HasSubstr("disk bytes 0 to 1048575 can't be read")));
}

// It was one warning each, found again by a search through all of them: 22 seconds for 1 MB.
TEST_F(BlkidProberTest, ThousandsOfPlacesThatCannotBeReadAreOneWarning) {
  std::vector<uint32_t> bat(4096);
  for (size_t i = 0; i < bat.size(); i += 2) bat[i] = 1000000;
  auto file = ploop_file({.cluster_sectors = 1, .disk_sectors = 4096, .bat = bat});
  const auto disk = Disk::assemble(chain(open_ploop(file)));
  const auto layout = BlkidProber().probe(*disk);
  ASSERT_TRUE(layout);
  EXPECT_THAT(layout->warnings,
              ElementsAre(HasSubstr("disk bytes 0 to 511 and 2047 more ranges can't be read")));
}

}  // namespace
}  // namespace ploopu::testing
