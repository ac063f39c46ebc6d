// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/volume/mount_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/volume/partitions.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(MountOptions, ByFileSystem) {
  const auto text = [](const char* fstype, bool skip) {
    return mount_options(fstype, skip ? MountMode::skip_journal : MountMode::read_only, "")->text;
  };
  EXPECT_EQ(text("ext4", true), "ro,nosuid,nodev,errors=remount-ro,noload");
  EXPECT_EQ(text("ext3", true), "ro,nosuid,nodev,errors=remount-ro,noload");
  EXPECT_EQ(text("ext2", true), "ro,nosuid,nodev,errors=remount-ro");
  EXPECT_EQ(text("xfs", false), "ro,nosuid,nodev,nouuid");
  EXPECT_EQ(text("xfs", true), "ro,nosuid,nodev,nouuid,norecovery");
}

TEST(MountOptions, WritableIsAskedForByMode) {
  EXPECT_EQ(mount_options("ext4", MountMode::writable, "noatime")->text,
            "rw,nosuid,nodev,errors=remount-ro,noatime");
  EXPECT_EQ(mount_options("ext4", MountMode::writable, "rw").error().kind, ErrorKind::usage);
}

TEST(MountOptions, H78_TheKernelIsAskedForOneTypeOnly) {
  for (const char* good : {"ext4", "vfat", "iso9660", "hfsplus", "jfs"}) {
    EXPECT_TRUE(check_fstype(good)) << good;
  }
  for (const char* bad : {"auto", "ext4,xfs", "fuse.sshfs", "btrfs", "nofoo/..", " "}) {
    EXPECT_FALSE(check_fstype(bad)) << bad;
  }
}

TEST(MountOptions, TheUsersComeLastAndDangerousOnesAreNamed) {
  auto options = mount_options("ext4", MountMode::skip_journal, "noexec,,noatime");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->text, "ro,nosuid,nodev,errors=remount-ro,noload,noexec,noatime");
  EXPECT_THAT(options->warnings, IsEmpty());
  EXPECT_THAT(mount_options("ext4", MountMode::skip_journal, "suid,dev,errors=panic")->warnings,
              ElementsAre(HasSubstr("suid"), HasSubstr("dev"), HasSubstr("panic")));
  EXPECT_EQ(mount_options("ext4", MountMode::skip_journal, "rw").error().kind, ErrorKind::usage);
  EXPECT_EQ(mount_options("ext4", MountMode::skip_journal, "noexec,rw").error().kind,
            ErrorKind::usage);
}

// libmount ignores the value of a flag, and would do what it says.
TEST(MountOptions, AValueDoesNotHideADangerousOption) {
  EXPECT_THAT(mount_options("ext4", MountMode::skip_journal, "suid=no,dev=")->warnings,
              ElementsAre(HasSubstr("setuid"), HasSubstr("device nodes")));
  EXPECT_EQ(mount_options("ext4", MountMode::skip_journal, "rw=0").error().kind, ErrorKind::usage);
}

TEST(MountOptions, WhatWouldNotMountTheDeviceIsRefused) {
  for (const char* option : {"loop", "loop=/dev/loop3", "offset=512", "sizelimit=1024", "bind",
                             "rbind", "move", "remount", "noexec,remount"}) {
    const auto options = mount_options("ext4", MountMode::skip_journal, option);
    ASSERT_FALSE(options) << option;
    EXPECT_EQ(options.error().kind, ErrorKind::usage);
    EXPECT_THAT(options.error().message, HasSubstr("can't be combined"));
  }
}

Partition partition(uint32_t number, const char* fstype) {
  Partition partition;
  partition.number = number;
  partition.fstype = fstype;
  return partition;
}

DiskLayout layout(std::vector<Partition> partitions) { return {"gpt", std::move(partitions), {}}; }

TEST(ChoosePartition, TheOnlyOneThatCanBeMounted) {
  EXPECT_EQ(choose_partition(layout({partition(1, "swap"), partition(2, "ext4")}), nullptr)->number,
            2U);
  EXPECT_EQ(choose_partition(layout({partition(0, "xfs")}), nullptr)->number, 0U);
  const auto several =
      choose_partition(layout({partition(1, "xfs"), partition(2, "ext4")}), nullptr);
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().kind, ErrorKind::usage);
  const uint32_t two = 2;
  EXPECT_EQ(choose_partition(layout({partition(1, "xfs"), partition(2, "ext4")}), &two)->number,
            2U);
}

TEST(ChoosePartition, H78_RareFileSystemsAreNamedAndRefused) {
  for (const char* rare : {"hfsplus", "hfs", "minix", "udf", "iso9660", "ntfs", "vfat", "f2fs",
                           "reiserfs", "ufs", "squashfs", "exfat", "ext4dev", "xfs_external_log"}) {
    for (const uint32_t number : {0U, 1U}) {
      const auto chosen = choose_partition(layout({partition(number, rare)}), &number);
      ASSERT_FALSE(chosen) << rare;
      EXPECT_EQ(chosen.error().kind, ErrorKind::damaged);
      EXPECT_THAT(chosen.error().message, HasSubstr(std::string("holds ") + rare));
    }
    // Beside one that can be mounted it is never the one that is meant.
    EXPECT_EQ(choose_partition(layout({partition(1, rare), partition(2, "ext4")}), nullptr)->number,
              2U);
  }
}

TEST(ChoosePartition, SaysWhyNot) {
  const uint32_t three = 3;
  EXPECT_EQ(choose_partition(layout({partition(1, "ext4")}), &three).error().kind,
            ErrorKind::not_found);
  const auto message = [](std::vector<Partition> partitions) {
    const auto chosen = choose_partition(layout(std::move(partitions)), nullptr);
    EXPECT_FALSE(chosen);
    EXPECT_EQ(chosen.error().kind, ErrorKind::damaged);
    return chosen.error().message;
  };
  EXPECT_THAT(message({}), HasSubstr("the partition table (gpt) has no partition"));
  EXPECT_THAT(choose_partition({}, nullptr).error().message,
              HasSubstr("no known partition table or file system"));
  EXPECT_THAT(message({partition(1, "")}), HasSubstr("no known file system"));
  EXPECT_THAT(message({partition(1, "crypto_LUKS")}), HasSubstr("encrypted"));
  EXPECT_THAT(message({partition(1, "btrfs")}), HasSubstr("holds btrfs: refused: the kernel"));
  EXPECT_THAT(message({partition(1, "ntfs")}), HasSubstr("without -t"));
}

}  // namespace
}  // namespace ploopu::testing
