// SPDX-License-Identifier: GPL-2.0-or-later
// File systems on disks and partitions. blkid_prober_gpt_test.cpp tests partition tables.
#include "platform/probe/blkid_prober.hpp"

#include <gmock/gmock.h>

#include "tests/support/probed_disk.hpp"

namespace ploopu::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BlkidProberTest : public ProbedDisk {
 protected:
  // Writes the signature of xfs over an ext4, so that libblkid finds two file systems in one place.
  void put_xfs_over_ext4(const std::string& offset) {
    shell(
        "truncate -s 400M xfs && mkfs.xfs -q -f xfs && truncate -s 400M ext4 && "
        "mke2fs -q -F -t ext4 ext4 && dd if=xfs of=ext4 bs=512 count=1 conv=notrunc status=none "
        "&& dd if=ext4 of=disk bs=512 seek=" +
        offset + " conv=notrunc,sparse status=none");
  }

  std::string refusal(const DiskLayout& layout) {
    const auto chosen = choose_partition(layout, nullptr);
    EXPECT_FALSE(chosen);
    return chosen ? "" : chosen.error().message;
  }
};

TEST_F(BlkidProberTest, Row53_AFileSystemWithoutTable) {
  make_disk(32 * kMiB + 512);
  shell("mke2fs -q -F -t ext4 disk");
  const auto layout = probe();
  EXPECT_EQ(layout.table, "");
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_EQ(layout.partitions[0].number, 0U);
  EXPECT_EQ(layout.partitions[0].size, 32 * kMiB + 512);
  EXPECT_EQ(layout.partitions[0].fstype, "ext4");
}

// The prober returns the label unchanged; code that prints it escapes it.
TEST_F(BlkidProberTest, H83_ALabelOfAnyBytes) {
  make_disk(32 * kMiB);
  shell("mke2fs -q -F -t ext4 -L \"$(printf 'a\\033[2J\\n$(x)/../b')\" disk");
  EXPECT_EQ(probe().partitions.at(0).label, "a\x1b[2J\n$(x)/../b");
}

// mount refuses such a file system (docs/CASES.md#h78).
TEST_F(BlkidProberTest, H78_ARareFileSystemHasItsName) {
  make_disk(4 * kMiB);
  shell("mkfs.minix disk >log");
  const auto layout = probe();
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_EQ(layout.partitions[0].fstype, "minix");
  EXPECT_THAT(refusal(layout), HasSubstr("the whole disk holds minix"));
}

TEST_F(BlkidProberTest, Nothing) {
  make_disk(kMiB);
  EXPECT_THAT(probe().partitions, IsEmpty());
  make_disk(512);
  EXPECT_THAT(probe().partitions, IsEmpty());
}

TEST_F(BlkidProberTest, Row53_XfsWithoutTable) {
  make_disk(400 * kMiB);
  shell("mkfs.xfs -q -f -L whole disk");
  const auto layout = probe();
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_EQ(layout.partitions[0].number, 0U);
  EXPECT_EQ(layout.partitions[0].fstype, "xfs");
  EXPECT_EQ(layout.partitions[0].label, "whole");
  EXPECT_THAT(layout.warnings, IsEmpty());
}

TEST_F(BlkidProberTest, H79_TwoFileSystemsOnTheDisk) {
  make_disk(400 * kMiB);
  put_xfs_over_ext4("0");
  const auto layout = probe();
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_TRUE(layout.partitions[0].is_ambivalent);
  EXPECT_EQ(layout.partitions[0].fstype, "");
  EXPECT_THAT(layout.warnings,
              ElementsAre(HasSubstr("the whole disk has the signatures of more than one")));
  EXPECT_THAT(refusal(layout), HasSubstr("the whole disk is ambiguous"));
}

TEST_F(BlkidProberTest, H79_TwoFileSystemsInAPartition) {
  make_disk(402 * kMiB);
  partition("label: gpt\nstart=2048, size=819200");
  put_xfs_over_ext4("2048");
  const auto layout = probe();
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_THAT(layout.warnings,
              ElementsAre(HasSubstr("partition 1 has the signatures of more than one")));
  EXPECT_THAT(refusal(layout), HasSubstr("partition 1 is ambiguous"));
}

// Since 2020 LUKS is on the whole disk, with a partition table inside; before, it was in a
// partition (docs/FORMAT.md#luks).
TEST_F(BlkidProberTest, Row54_LuksOnTheDiskAndInAPartition) {
  make_disk(64 * kMiB);
  // Several tries: qemu-img measures its hashing, and often fails with "Unable to get accurate CPU
  // usage".
  shell(
      "for try in $(seq 40); do qemu-img create -q -f luks --object secret,id=s,data=x "
      "-o key-secret=s,iter-time=10 luks 8M 2>error && break; done; "
      "dd if=luks of=disk conv=notrunc status=none || { cat error; false; }");
  auto layout = probe();
  EXPECT_EQ(layout.table, "");
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_EQ(layout.partitions[0].number, 0U);
  EXPECT_EQ(layout.partitions[0].fstype, "crypto_LUKS");
  EXPECT_THAT(layout.warnings,
              ElementsAre(AllOf(HasSubstr("the whole disk is encrypted (LUKS), a partition table "
                                          "inside it included"),
                                HasSubstr("use cryptsetup on its device"))));
  EXPECT_THAT(refusal(layout), AllOf(HasSubstr("the whole disk is encrypted (LUKS)"),
                                     HasSubstr("cryptsetup open --readonly")));

  make_disk(64 * kMiB);
  partition("label: gpt\nstart=2048, size=65536");
  shell("dd if=luks of=disk bs=1M seek=1 conv=notrunc status=none");
  layout = probe();
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_EQ(layout.partitions[0].number, 1U);
  EXPECT_EQ(layout.partitions[0].fstype, "crypto_LUKS");
  EXPECT_THAT(layout.warnings, ElementsAre(AllOf(HasSubstr("partition 1 is encrypted (LUKS):"),
                                                 HasSubstr("cryptsetup"))));
  EXPECT_THAT(refusal(layout), AllOf(HasSubstr("partition 1 is encrypted"),
                                     HasSubstr("cryptsetup open --readonly")));
}

TEST_F(BlkidProberTest, WhatCannotBeReadIsSaid) {
  auto file = ploop_file({.disk_sectors = 8192, .bat = {99, 0, 0, 0}});
  const auto disk = Disk::assemble(chain(open_ploop(file)));
  const auto layout = BlkidProber().probe(*disk);
  ASSERT_TRUE(layout);
  EXPECT_THAT(layout->partitions, IsEmpty());
  EXPECT_THAT(layout->warnings, ElementsAre(HasSubstr("disk bytes 0 to 1048575 can't be read")));
}

// An earlier version made a warning of each and searched all warnings each time, which took 22
// seconds for 1 MB.
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
