// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/app/mount_helper.hpp"

#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class MountHelperTest : public CommandTest {
 protected:
  int mount(const std::vector<std::string>& arguments) {
    return call("/sbin/mount.ploopu", arguments);
  }
  int umount(const std::vector<std::string>& arguments) { return call("umount.ploopu", arguments); }

 private:
  int call(const std::string& program, const std::vector<std::string>& arguments) {
    attachments_.calls.clear();
    out_.str("");
    err_.str("");
    auto context = context_writing_to(out_);
    return cmd::run_mount_helper(program, arguments, context);
  }
};

TEST_F(MountHelperTest, IsKnownByItsName) {
  EXPECT_TRUE(cmd::is_mount_helper("/usr/sbin/mount.ploopu"));
  EXPECT_TRUE(cmd::is_mount_helper("umount.ploopu"));
  EXPECT_FALSE(cmd::is_mount_helper("/usr/sbin/ploopu"));
  EXPECT_FALSE(cmd::is_mount_helper("/mount.ploopu/ploopu"));
}

TEST_F(MountHelperTest, MountsSilently) {
  use_ext4();
  // mount -t ploopu 101 /mnt and mount -a pass these arguments.
  EXPECT_EQ(mount({"101", "/mnt", "-o", "rw"}), 0) << err_.str();
  EXPECT_THAT(attachments_.calls, ElementsAre("list", "check_mountpoint /mnt", "attach", "mount"));
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,errors=remount-ro,noload");
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(mount({"/vz/private/101/root.hdd", "/mnt", "-n", "-v"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("/dev/nbd7p1 (ext4, by nbd) is mounted read-only on /mnt"));
}

TEST_F(MountHelperTest, OptionsGoWhereTheyBelong) {
  use_ext4();
  EXPECT_EQ(mount({"101", "/mnt", "-s", "-o",
                   "ro,noexec,noauto,nofail,_netdev,user=eve,x-systemd.requires=/vz,X-y,comment=z,"
                   "ploopu.backend=fuse,noatime,ploopu.partition=1"}),
            0)
      << err_.str();
  EXPECT_EQ(attachments_.last_mount.options,
            "ro,nosuid,nodev,errors=remount-ro,noload,noexec,noatime");
  EXPECT_EQ(attachments_.last_attach.backend, "fuse");
  EXPECT_EQ(mount({"101", "/mnt", "-o", "ploopu.strict"}), 0) << err_.str();
  EXPECT_TRUE(attachments_.last_attach.is_strict);
  EXPECT_EQ(mount({"101", "/mnt", "-o", "rw,ploopu.writable,ploopu.overlay-file=/srv/o"}), 0);
  EXPECT_EQ(attachments_.last_mount.options, "rw,nosuid,nodev,errors=remount-ro");
  EXPECT_EQ(attachments_.last_attach.overlay.file, "/srv/o");
  EXPECT_EQ(mount({"101", "/mnt", "-t", "ploopu.xfs", "-o", "ploopu.partition=1"}), 0)
      << err_.str();
  EXPECT_EQ(attachments_.last_mount.fstype, "xfs");
  EXPECT_EQ(mount({"101", "/mnt", "-t", "ploopu"}), 0) << err_.str();
  EXPECT_EQ(attachments_.last_mount.fstype, "ext4");
}

TEST_F(MountHelperTest, EveryOptionOfOursIsOneOfMount) {
  for (const char* option : {"allow-outside", "backend=nbd", "disk=root", "journal=auto", "live",
                             "overlay-dir=/srv", "overlay-file=/srv/o", "overlay-size=1G",
                             "partition=1", "root=/", "snapshot=top", "writable"}) {
    use_ext4();
    EXPECT_EQ(mount({"101", "/mnt", "-o", std::string("ploopu.") + option}), 0)
        << option << ": " << err_.str();
  }
}

TEST_F(MountHelperTest, WhatCanNotBeDoneIsAUsageError) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"101"},
      {"101", "/mnt", "/srv"},
      {"101", "/mnt", "-o"},
      {"101", "/mnt", "-x"},
      {"101", "/mnt", "-N", "/proc/1/ns/mnt"},
      {"101", "/mnt", "-o", "ploopu.help"},  // would do nothing and exit with 0
      {"101", "/mnt", "-o", "ploopu.frobnicate=1"},
      {"101", "/mnt", "-o", "ploopu.snapshot"},
      {"101", "/mnt", "-o", "ploopu.snapshot="},
      {"101", "/mnt", "-o", "ploopu.backend=magic"},
      {"101", "/mnt", "-o", "ro,ploopu.writable"},
      {"101", "/mnt", "-o", "remount"}};
  for (const auto& arguments : wrong) {
    EXPECT_EQ(mount(arguments), 1) << ::testing::PrintToString(arguments);
    EXPECT_THAT(attachments_.calls, Not(Contains("attach")));
    EXPECT_THAT(err_.str(), ::testing::MatchesRegex("[^\n]+\n"));
  }
  EXPECT_EQ(umount({}), 1);
  EXPECT_EQ(umount({"/mnt", "-l"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("umount -i -l"));
}

TEST_F(MountHelperTest, FailuresAreThoseOfMount) {
  EXPECT_EQ(mount({"102", "/mnt"}), 32);
  EXPECT_EQ(mount({"101", "/missing"}), 32);
  attachments_.is_root = false;
  EXPECT_EQ(mount({"101", "/mnt"}), 1);
  EXPECT_EQ(umount({"/srv"}), 32);
}

// mount -a can't see in the mount table which image is mounted, so it calls the
// helper again. The helper succeeds without a second mount.
TEST_F(MountHelperTest, WhatIsMountedThereAlreadyStays) {
  attachments_.attached = {mounted_attachment()};
  EXPECT_EQ(mount({"101", "/mnt"}), 0) << err_.str();
  EXPECT_THAT(attachments_.calls, ElementsAre("list"));
  // Another directory, an older state and another image are mounted nevertheless.
  attachments_.errors["check_mountpoint"] = {ErrorKind::busy, "another"};
  EXPECT_EQ(mount({"101", "/srv", "-o", "ploopu.partition=1"}), 32);
  attachments_.attached[0].snapshot = guid('1');
  EXPECT_EQ(mount({"101", "/mnt", "-o", "ploopu.partition=1"}), 32);
  attachments_.attached[0].snapshot.reset();
  attachments_.attached[0].image = "/vz/private/102/root.hdd/DiskDescriptor.xml";
  EXPECT_EQ(mount({"101", "/mnt", "-o", "ploopu.partition=1"}), 32);
}

TEST_F(MountHelperTest, FakeMountsNothing) {
  EXPECT_EQ(mount({"101", "/mnt", "-f"}), 0);
  EXPECT_THAT(attachments_.calls, IsEmpty());
}

TEST_F(MountHelperTest, UnmountsAndFreesTheDevice) {
  attachments_.attached = {mounted_attachment()};
  EXPECT_EQ(umount({"/mnt", "-n", "-r", "-f", "-t", "ext4"}), 0) << err_.str();
  EXPECT_THAT(attachments_.calls, ElementsAre("list", "detach /dev/nbd7"));
  EXPECT_EQ(out_.str(), "");
}

}  // namespace
}  // namespace ploopu::testing
