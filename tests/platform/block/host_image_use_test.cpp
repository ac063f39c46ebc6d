// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the evidence for users of an image: real locks of other processes, and the files of an
// OpenVZ host in a directory.
#include "platform/block/host_image_use.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include "core/disk/image.hpp"
#include "core/find/locate.hpp"
#include "platform/files/posix_file_system.hpp"
#include "platform/os/file_locks.hpp"
#include "tests/support/holding_process.hpp"
#include "tests/support/ploop_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HostImageUsesTest : public ::testing::Test {
 protected:
  HostImageUsesTest() {
    const Bytes head =
        ploop_head({.cluster_sectors = 8, .disk_sectors = 64, .bat = {0, 0, 0, 0, 0, 0, 0, 0}});
    std::string text(reinterpret_cast<const char*>(head.data()), head.size());
    text.resize(8192);
    image_ = dir_.write("root.hds", text);
    lock_ = dir_.write("DiskDescriptor.xml.lck", "");
    places_.flocks = {lock_};
  }

  [[nodiscard]] std::vector<Use> uses_of_disk() const {
    auto location = locate_image(HostTree(files_, "/"), image_);
    auto image = open_image(HostTree(files_, "/"), *location);
    EXPECT_TRUE(image) << image.error().message;
    return HostImageUses(dir_.path()).of_disk(image->disk);
  }

  [[nodiscard]] std::vector<Use> uses_of_container() {
    places_.ctid = "101";
    places_.mount_root = "/vz/root/101";
    return HostImageUses(dir_.path()).of_places(places_);
  }

  // Returns a function that locks bytes of the image by `command` (F_SETLK, F_OFD_SETLK).
  [[nodiscard]] auto byte_lock(int command, off_t first, off_t count) const {
    return [=, this] {
      const int fd = ::open(image_.c_str(), O_RDWR);
      struct flock lock = {};
      lock.l_type = F_RDLCK;
      lock.l_whence = SEEK_SET;
      lock.l_start = first;
      lock.l_len = count;
      return ::fcntl(fd, command, &lock) == 0;
    };
  }

  TemporaryDirectory dir_;
  PosixFileSystem files_;
  std::string image_;
  std::string lock_;
  UsePlaces places_;
};

TEST_F(HostImageUsesTest, NothingIsHeld) {
  EXPECT_THAT(uses_of_disk(), IsEmpty());
  EXPECT_THAT(uses_of_container(), IsEmpty());
  EXPECT_EQ(find_flock_holder(dir_.path()), std::nullopt);
  EXPECT_EQ(find_flock_holder(dir_ / "missing"), std::nullopt);
}

TEST_F(HostImageUsesTest, H16_AFlockIsSeenAndItsHolderNamed) {
  const HoldingProcess holder(
      [&] { return ::flock(::open(lock_.c_str(), O_RDONLY), LOCK_EX) == 0; });
  ASSERT_TRUE(holder.is_holding());
  const auto uses = uses_of_container();
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses[0].kind, UseKind::writing);
  EXPECT_THAT(uses[0].text, HasSubstr(holder.id() + " has locked " + lock_));
}

TEST_F(HostImageUsesTest, LookingAtALockTakesNone) {
  EXPECT_EQ(find_flock_holder(lock_), std::nullopt);
  const int fd = ::open(lock_.c_str(), O_RDONLY);
  EXPECT_EQ(::flock(fd, LOCK_EX | LOCK_NB), 0);
  ::close(fd);
}

TEST_F(HostImageUsesTest, H16_LocksOfLibploopOnTheBase) {
  for (const int first : {200, 300}) {
    const HoldingProcess holder(byte_lock(F_SETLK, first, 5));
    ASSERT_TRUE(holder.is_holding());
    const auto uses = uses_of_disk();
    ASSERT_EQ(uses.size(), 1U) << first;
    EXPECT_EQ(uses[0].kind, UseKind::writing);
    EXPECT_THAT(uses[0].text, HasSubstr(holder.id() + " has locked"));
  }
}

TEST_F(HostImageUsesTest, TheHolderOfAnOfdLockIsFoundByItsDescriptor) {
  const HoldingProcess holder(byte_lock(F_OFD_SETLK, 103, 1));
  ASSERT_TRUE(holder.is_holding());
  const auto uses = uses_of_disk();
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_THAT(uses[0].text, HasSubstr(holder.id() + " resizes " + image_));
}

TEST_F(HostImageUsesTest, QemuWritesOrOnlyReads) {
  const HoldingProcess reader({"qemu-io", "-r", "-f", "parallels", image_});
  ASSERT_TRUE(reader.is_holding()) << "qemu-io is missing";
  EXPECT_THAT(uses_of_disk(), IsEmpty());
}

TEST_F(HostImageUsesTest, H16_QemuThatMayWriteIsNamed) {
  const HoldingProcess writer({"qemu-io", "-f", "parallels", image_});
  ASSERT_TRUE(writer.is_holding()) << "qemu-io is missing";
  const auto uses = uses_of_disk();
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses[0].kind, UseKind::writing);
  EXPECT_THAT(uses[0].text, HasSubstr("qemu-io " + writer.id() + " has opened for writing"));
}

TEST_F(HostImageUsesTest, APidFileCountsWhileItsProcessLives) {
  places_.pid_files = {dir_.write("101.lck", "999999999\nstarting\n")};
  EXPECT_THAT(uses_of_container(), IsEmpty());
  dir_.write("101.lck", "nonsense\n");
  EXPECT_THAT(uses_of_container(), IsEmpty());
  dir_.write("101.lck", std::to_string(::getpid()) + "\nstarting\n");
  ASSERT_EQ(uses_of_container().size(), 1U);
  EXPECT_EQ(uses_of_container()[0].kind, UseKind::writing);
}

TEST_F(HostImageUsesTest, RunningContainersOfOpenVzKernels) {
  dir_.write("proc/vz/veinfo", "         0     0   90\n       102     0   12  10.0.0.2\n");
  dir_.write("sys/fs/cgroup/ve/101/ve.state", "STOPPED\n");
  dir_.write("sys/fs/cgroup/memory/101/tasks", "");
  EXPECT_THAT(uses_of_container(), IsEmpty());
  dir_.write("proc/vz/veinfo", "       101     0   12  10.0.0.2\n");
  dir_.write("sys/fs/cgroup/ve/101/ve.state", "RUNNING\n");
  dir_.write("sys/fs/cgroup/memory/101/tasks", "812\n");
  const auto uses = uses_of_container();
  ASSERT_EQ(uses.size(), 3U);
  EXPECT_EQ(uses[0].kind, UseKind::running);
  EXPECT_THAT(uses[0].text, HasSubstr("container 101 is running, according to /proc/vz/veinfo"));
  EXPECT_THAT(uses[1].text, HasSubstr("is RUNNING, according to /sys/fs/cgroup/ve/101/ve.state"));
  EXPECT_THAT(uses[2].text, HasSubstr("has processes"));
}

TEST_F(HostImageUsesTest, AMountOnItsRootIsATrace) {
  dir_.write("proc/self/mountinfo",
             "30 1 182:1 / /vz/root/101 rw,relatime - ext4 /dev/ploop0p1 rw\n");
  const auto uses = uses_of_container();
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses[0].kind, UseKind::trace);
  EXPECT_THAT(uses[0].text, HasSubstr("/dev/ploop0p1 is mounted on /vz/root/101"));
}

TEST_F(HostImageUsesTest, DevicesOfThePloopDriver) {
  dir_.write("sys/block/ploop7/pdelta/0/image", image_ + "\n");
  dir_.write("sys/block/ploop8/pdelta/0/image", "/other\n");
  ASSERT_EQ(uses_of_disk().size(), 1U);
  EXPECT_EQ(uses_of_disk()[0].kind, UseKind::running);
  EXPECT_THAT(uses_of_disk()[0].text, HasSubstr("/dev/ploop7 writes to " + image_));
  dir_.write("sys/block/ploop7/pdelta/0/ro", "1\n");
  EXPECT_THAT(uses_of_disk(), IsEmpty());
  dir_.write("sys/block/dm-3/dm/name", "ploop4711\n");
  ASSERT_EQ(uses_of_disk().size(), 1U);
  EXPECT_EQ(uses_of_disk()[0].kind, UseKind::trace);
}

}  // namespace
}  // namespace ploopu::testing
