// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/block_snapshot.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A host whose /sys and /proc are files of a temporary directory.
class BlockSnapshotTest : public ::testing::Test {
 protected:
  void add(const std::string& name, const std::string& attribute, const std::string& text) {
    dir_.write("sys/class/block/" + name + "/" + attribute, text + "\n");
  }
  void add_mount(const std::string& directory, const std::string& number = "7:3") {
    mountinfo_ += "36 25 " + number + " / " + directory + " ro - ext4 /dev/x ro\n";
    dir_.write("proc/self/mountinfo", mountinfo_);
  }
  BlockSnapshot now() const { return BlockSnapshot(dir_.path()); }

  TemporaryDirectory dir_;
  std::string mountinfo_;
};

TEST_F(BlockSnapshotTest, AHostWithoutDevices) {
  EXPECT_THAT(now().mounts(), IsEmpty());
  EXPECT_THAT(now().loops(), IsEmpty());
  EXPECT_EQ(now().find_nbd("ploopu:1"), -1);
  EXPECT_EQ(now().sysfs_name("/dev/mapper/x"), "");
  EXPECT_THAT(now().device_numbers("/dev/mapper/x"), IsEmpty());
  EXPECT_THAT(now().device_numbers("/dev/loop3"), IsEmpty());
}

TEST_F(BlockSnapshotTest, LoopDevicesOnAFile) {
  add("loop2", "loop/backing_file", "/a");
  add("loop10", "loop/backing_file", "/a");
  add("loop3", "loop/backing_file", "/b");
  add("loop4", "dev", "7:4");  // a free loop device
  EXPECT_THAT(now().loops_on("/a"), ElementsAre("/dev/loop10", "/dev/loop2"));
  EXPECT_THAT(now().loops_on("/b"), ElementsAre("/dev/loop3"));
  EXPECT_THAT(now().loops_on(""), IsEmpty());
  EXPECT_EQ(now().loops().size(), 3U);
}

TEST_F(BlockSnapshotTest, AnNbdDeviceByItsIdentifier) {
  add("nbd0", "backend", "ploopu:1");
  add("nbd1", "dev", "43:32");
  add("nbd12", "backend", "ploopu:2");
  add("nbd12p1", "backend", "ploopu:3");
  EXPECT_EQ(now().find_nbd("ploopu:2"), 12);
  EXPECT_EQ(now().find_nbd("ploopu:3"), -1);
}

TEST_F(BlockSnapshotTest, NumbersOfADiskAndItsPartitions) {
  add("loop1", "dev", "7:1");
  add("loop1p1", "dev", "259:4");
  add("loop1p12", "dev", "259:5");
  add("loop1part", "dev", "259:6");
  add("loop10", "dev", "7:10");
  add("loop10p1", "dev", "259:7");
  EXPECT_THAT(now().device_numbers("/dev/loop1"),
              ElementsAre(makedev(7, 1), makedev(259, 4), makedev(259, 5)));
  EXPECT_THAT(now().partition_names("/dev/loop10"), ElementsAre("loop10p1"));
}

// Partitions of a device-mapper device are devices of their own, which may have any number.
TEST_F(BlockSnapshotTest, DeviceMapperDevicesAreKnownByNameAndTheirPartitionsByUuid) {
  add("dm-3", "dm/name", "ploopu-101");
  add("dm-3", "dm/uuid", "PLOOPU-1");
  add("dm-3", "dev", "252:3");
  add("dm-7", "dm/name", "ploopu-101p1");
  add("dm-7", "dm/uuid", "part1-PLOOPU-1");
  add("dm-7", "dev", "252:7");
  add("dm-8", "dm/name", "lvm");
  add("dm-8", "dm/uuid", "LVM-1");
  for (const char* above : {"dm-7", "dm-8", "md0"}) {
    std::filesystem::create_directories(dir_ / "sys/class/block/dm-3/holders/" + above);
  }
  EXPECT_EQ(now().sysfs_name("/dev/mapper/ploopu-101p1"), "dm-7");
  EXPECT_THAT(now().device_numbers("/dev/mapper/ploopu-101"),
              ElementsAre(makedev(252, 3), makedev(252, 7)));
}

TEST_F(BlockSnapshotTest, MountsOfADiskAndItsPartitions) {
  std::filesystem::create_directories(dir_ / "sys/dev/block");
  for (const auto& [number, name] : {std::pair{"7:1", "loop1"},
                                     {"259:4", "loop1/loop1p1"},
                                     {"7:10", "loop10"},
                                     {"8:1", "dm-3"}}) {
    std::filesystem::create_symlink(std::string("../../devices/virtual/block/") + name,
                                    dir_ / "sys/dev/block/" + number);
    add(std::filesystem::path(name).filename(), "dev", number);
  }
  add("dm-3", "dm/name", "ploopu-101");
  add_mount("/run", "0:25");
  add_mount("/part", "259:4");
  add_mount("/other", "7:10");
  add_mount("/disk", "7:1");
  add_mount("/part-again", "259:4");
  add_mount("/unknown", "9:9");
  add_mount("/mapped", "8:1");
  EXPECT_THAT(directories_of(now().mounts_of("/dev/loop1")),
              ElementsAre("/part", "/disk", "/part-again"));
  EXPECT_THAT(directories_of(now().mounts_of("/dev/loop10")), ElementsAre("/other"));
  EXPECT_THAT(directories_of(now().mounts_of("/dev/mapper/ploopu-101")), ElementsAre("/mapped"));
  EXPECT_THAT(now().mounts_of("/dev/mapper/gone"), IsEmpty());
  EXPECT_THAT(now().mounts_of("/dev/loop4"), IsEmpty());
}

TEST_F(BlockSnapshotTest, IsOfOneMoment) {
  add("loop2", "loop/backing_file", "/a");
  add_mount("/mnt");
  const BlockSnapshot before = now();
  EXPECT_EQ(before.mounts().size(), 1U);
  EXPECT_EQ(before.loops().size(), 1U);
  add("loop3", "loop/backing_file", "/a");
  add_mount("/srv");
  EXPECT_EQ(before.mounts().size(), 1U);
  EXPECT_EQ(before.loops_on("/a").size(), 1U);
  EXPECT_EQ(now().mounts().back().directory, "/srv");
  EXPECT_EQ(now().loops_on("/a").size(), 2U);
}

}  // namespace
}  // namespace ploopu::testing
