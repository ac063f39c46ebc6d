// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(CommandTest, AttachPrintsDeviceAndPartitions) {
  EXPECT_EQ(run({"attach", "101"}), 0);
  EXPECT_EQ(out_.str(), "/dev/nbd7\n/dev/nbd7p1\n/dev/nbd7p2\n");
  EXPECT_EQ(err_.str(), "ploopu: took nbd\n");
  attachments_.already_attached = true;
  EXPECT_EQ(run({"attach", "101"}), 0);
  EXPECT_THAT(err_.str(), HasSubstr("is already attached as /dev/nbd7"));
  EXPECT_THAT(run_json({"attach", "101"})["warnings"].dump(),
              HasSubstr("is already attached as /dev/nbd7"));
}

TEST_F(CommandTest, AttachJsonAndRequest) {
  const json attached = run_json({"attach", "101", "--backend", "fuse", "--no-loop"});
  EXPECT_EQ(attached["schema"], 1);
  EXPECT_EQ(attached["device"], "/dev/nbd7");
  EXPECT_EQ(attached["backend"], "nbd");
  EXPECT_EQ(attached["read_only"], true);
  EXPECT_EQ(attached["overlay"], false);
  EXPECT_EQ(attached["partitions"][1]["device"], "/dev/nbd7p2");
  EXPECT_EQ(attached["partitions"][1]["start"], 12288);
  EXPECT_EQ(attachments_.last_attach.backend, "fuse");
  EXPECT_TRUE(attachments_.last_attach.as_file);
  EXPECT_EQ(attachments_.last_attach.root, "/");
}

TEST_F(CommandTest, R13_AttachAndMountStrictly) {
  use_ext4();
  EXPECT_EQ(run_json({"attach", "101"})["strict"], false);
  EXPECT_EQ(run_json({"attach", "101", "--strict"})["strict"], true);
  EXPECT_EQ(run_json({"mount", "101", "/mnt", "--strict"})["strict"], true);
  EXPECT_TRUE(attachments_.last_attach.is_strict);
}

TEST_F(CommandTest, MountsTheOnlyFileSystem) {
  use_ext4();
  const json mounted = run_json({"mount", "101", "/mnt", "-o", "noexec"});
  EXPECT_THAT(attachments_.calls, ElementsAre("check_mountpoint /mnt", "attach", "mount"));
  EXPECT_EQ(attachments_.last_mount.device, "/dev/nbd7p1");
  EXPECT_EQ(attachments_.last_directory, "/mnt");
  EXPECT_EQ(attachments_.last_mount.fstype, "ext4");
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,errors=remount-ro,noload,noexec");
  EXPECT_EQ(mounted["mountpoint"], "/mnt");
  EXPECT_EQ(mounted["fstype"], "ext4");
  EXPECT_EQ(mounted["journal"], "clean");
  EXPECT_EQ(mounted["options"], attachments_.last_mount.options);
  EXPECT_EQ(mounted["device"], "/dev/nbd7");
}

TEST_F(CommandTest, MountSaysWhatIsWhereAndThroughWhat) {
  use_ext4();
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 0);
  EXPECT_EQ(out_.str(), "/dev/nbd7p1 (ext4, by nbd) is mounted read-only on /mnt\n");
}

TEST_F(CommandTest, AttachWithAnOverlay) {
  const json attached =
      run_json({"attach", "101", "--overlay", "--overlay-dir", "/big", "--overlay-size", "2G"});
  EXPECT_EQ(attached["read_only"], false);
  EXPECT_EQ(attached["overlay"], true);
  EXPECT_EQ(attachments_.last_attach.overlay.directory, "/big");
  EXPECT_EQ(attachments_.last_attach.overlay.limit, uint64_t{2} << 30);
  EXPECT_EQ(run({"attach", "101", "--overlay-dir", "/big"}), 64);
  EXPECT_EQ(run({"attach", "101", "--overlay", "--overlay-size", "5"}), 64);
  EXPECT_EQ(run({"attach", "101", "--overlay", "--overlay-size", "much"}), 64);
}

TEST_F(CommandTest, AttachAnew) {
  EXPECT_EQ(run({"attach", "101"}), 0);
  EXPECT_FALSE(attachments_.last_attach.is_new);
  EXPECT_EQ(run({"attach", "101", "--new"}), 0);
  EXPECT_TRUE(attachments_.last_attach.is_new);
}

TEST_F(CommandTest, AttachWithAnOverlayThatIsKept) {
  const json attached = run_json({"attach", "101", "--overlay-file", "/big/x/../101.overlay"});
  EXPECT_EQ(attached["overlay_file"], "/big/101.overlay");
  EXPECT_TRUE(attachments_.last_attach.overlay.wanted);
  EXPECT_EQ(attachments_.calls,
            (std::vector<std::string>{"view_overlay /big/101.overlay", "attach"}));
  EXPECT_EQ(run({"attach", "101", "--overlay-file", "/f", "--overlay-dir", "/big"}), 64);
  EXPECT_EQ(run({"attach", "101", "--overlay-size", "2G"}), 64);
  EXPECT_EQ(run({"attach", "101", "--overlay-file", "/f", "--overlay-size", "2G"}), 0);
  EXPECT_EQ(run({"attach", "101", "--overlay-file", "/f", "--overlay-size", "1M"}), 0);
  attachments_.errors["view_overlay"] = {ErrorKind::refused, "/f: was written on another one"};
  EXPECT_EQ(run({"attach", "101", "--overlay-file", "/f"}), 65);
}

TEST_F(CommandTest, MountWithAnOverlayThatIsKept) {
  use_ext4();
  const json mounted = run_json({"mount", "101", "/mnt", "--overlay-file", "/f"});
  EXPECT_EQ(mounted["read_only"], true);
  EXPECT_EQ(mounted["overlay_file"], "/f");
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,errors=remount-ro");
  EXPECT_EQ(run({"mount", "101", "/mnt", "--writable", "--overlay-file", "/f"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("written data is kept in /f"));
  EXPECT_EQ(run({"mount", "101", "/mnt", "--overlay-file", "/f", "--journal", "skip"}), 64);
}

// Only the kernel knows whether the log of an xfs must be replayed. If so, mount attaches the image
// again, with an overlay.
TEST_F(CommandTest, XfsWithADirtyLogIsReplayedOnAnOverlay) {
  prober_.layout.partitions[0].fstype = "xfs";
  EXPECT_EQ(run_json({"mount", "101", "/mnt"})["journal"], "clean");
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,nouuid");
  EXPECT_FALSE(attachments_.last_attach.overlay.wanted);
  attachments_.calls.clear();
  attachments_.mount_outcomes = {MountOutcome::needs_recovery};
  const json mounted = run_json({"mount", "101", "/mnt"});
  EXPECT_EQ(mounted["journal"], "replayed");
  EXPECT_EQ(mounted["overlay"], true);
  EXPECT_TRUE(attachments_.last_attach.overlay.wanted);
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,nouuid");
  EXPECT_THAT(attachments_.calls, ElementsAre("check_mountpoint /mnt", "attach", "mount",
                                              "detach /dev/nbd7", "attach", "mount"));
}

TEST_F(CommandTest, XfsWithADirtyLogIsMountedWithoutItWhenAsked) {
  prober_.layout.partitions[0].fstype = "xfs";
  attachments_.mount_outcomes = {MountOutcome::needs_recovery};
  const json mounted = run_json({"mount", "101", "/mnt", "--journal", "skip"});
  EXPECT_EQ(mounted["journal"], "skipped");
  EXPECT_FALSE(attachments_.last_attach.overlay.wanted);
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,nouuid,norecovery");
  EXPECT_THAT(mounted["warnings"].dump(), HasSubstr("journal was not replayed"));
}

TEST_F(CommandTest, H76_ADirtyJournalIsReplayedOnAnOverlay) {
  use_ext4("/vz/private/101/root.hdd/root.hds", true);
  const json replayed = run_json({"mount", "101", "/mnt"});
  EXPECT_EQ(replayed["journal"], "replayed");
  EXPECT_EQ(replayed["overlay"], true);
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,errors=remount-ro");
  const json skipped = run_json({"mount", "101", "/mnt", "--journal", "skip"});
  EXPECT_EQ(skipped["journal"], "skipped");
  EXPECT_EQ(skipped["overlay"], false);
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,errors=remount-ro,noload");
  EXPECT_THAT(skipped["warnings"].dump(), HasSubstr("journal was not replayed"));
  use_ext4();
  const json clean = run_json({"mount", "101", "/mnt", "--journal", "replay"});
  EXPECT_EQ(clean["journal"], "clean");
  EXPECT_EQ(clean["overlay"], true);
}

TEST_F(CommandTest, MountWritableIsOnAnOverlay) {
  use_ext4();
  const json mounted = run_json({"mount", "101", "/mnt", "--writable"});
  EXPECT_EQ(mounted["read_only"], false);
  EXPECT_EQ(mounted["overlay"], true);
  EXPECT_EQ(attachments_.last_mount.options, "rw,nosuid,nodev,errors=remount-ro");
  EXPECT_TRUE(attachments_.last_mount.is_writable);
  EXPECT_EQ(run({"mount", "101", "/mnt", "--writable", "--journal", "skip"}), 64);
}

TEST_F(CommandTest, MountAsWhatTheUserSays) {
  const json mounted = run_json({"mount", "101", "/mnt", "--partition", "2", "-t", "vfat"});
  EXPECT_EQ(mounted["fstype"], "vfat");
  EXPECT_EQ(attachments_.last_mount.device, "/dev/nbd7p2");
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev");
  EXPECT_EQ(run({"mount", "101", "/mnt", "-t", "vfat"}), 64);
  EXPECT_EQ(run({"mount", "101", "/mnt", "--partition", "1", "-t", "auto"}), 64);
  EXPECT_EQ(run({"mount", "101", "/mnt", "--partition", "1", "-t", "btrfs"}), 64);
  // -t ext4 requires the signature of ext4.
  EXPECT_EQ(run({"mount", "101", "/mnt", "--partition", "2", "-t", "ext4"}), 65);
}

// A mount with a clean journal fails for another reason, such as a wrong option.
TEST_F(CommandTest, ACleanJournalIsNotBlamed) {
  use_ext4();
  attachments_.errors["mount"] = {ErrorKind::failed, "bad option"};
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--writable"}, {"--journal", "replay"}}) {
    std::vector<std::string> command = {"mount", "101", "/mnt"};
    command.insert(command.end(), options.begin(), options.end());
    EXPECT_EQ(run(command), 1);
    EXPECT_EQ(err_.str(), "ploopu: bad option\n");
  }
}

TEST_F(CommandTest, DetachSaysWhatIsGone) {
  attachments_.attached = {mounted_attachment()};
  attachments_.discarded = 5 << 20;
  EXPECT_EQ(run({"detach", "/dev/nbd7"}), 0);
  EXPECT_EQ(err_.str(), "ploopu: /dev/nbd7: discarded 5 MiB of overlay data\n");
  attachments_.discarded = 0;
  EXPECT_EQ(run({"detach", "/dev/nbd7"}), 0);
  EXPECT_EQ(err_.str(), "");
}

// Mount options and types that could harm the host do not reach its kernel.
TEST_F(CommandTest, AFileSystemThatIsRefusedIsNotAttached) {
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 65);
  EXPECT_THAT(err_.str(), HasSubstr("s_magic"));
  EXPECT_THAT(attachments_.calls, ElementsAre("check_mountpoint /mnt"));
}

TEST_F(CommandTest, AJournalThatCannotBeReplayedSaysWhatSkipGives) {
  use_ext4("/vz/private/101/root.hdd/root.hds", true);
  attachments_.mount_outcomes = {MountOutcome::needs_recovery};
  EXPECT_EQ(run({"mount", "101", "/mnt", "--journal", "replay"}), 65);
  EXPECT_THAT(err_.str(), HasSubstr("--journal skip"));
  EXPECT_EQ(attachments_.calls.back(), "detach /dev/nbd7");
  attachments_.errors["mount"] = {ErrorKind::failed, "structure needs cleaning"};
  EXPECT_EQ(run({"mount", "101", "/mnt", "--journal", "replay"}), 65);
  EXPECT_THAT(err_.str(), HasSubstr("structure needs cleaning"));
  // An error that has another cause does not mention the journal.
  attachments_.errors["attach"] = {ErrorKind::failed, "no room"};
  EXPECT_EQ(run({"mount", "101", "/mnt", "--journal", "replay"}), 1);
  EXPECT_EQ(err_.str(), "ploopu: no room\n");
}

TEST_F(CommandTest, WhatIsWrongIsFoundBeforeAnythingIsAttached) {
  attachments_.errors["hold_mountpoint"] = {ErrorKind::not_found, "/nowhere: no such directory"};
  EXPECT_EQ(run({"mount", "101", "/nowhere"}), 66);
  attachments_.errors.clear();
  EXPECT_EQ(run({"mount", "101", "/mnt", "-o", "rw"}), 64);
  EXPECT_EQ(run({"mount", "101", "/mnt", "--partition", "2"}), 65);
  EXPECT_EQ(run({"mount", "101", "/mnt", "--partition", "9"}), 66);
  prober_.layout = {};
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 65);
  EXPECT_THAT(attachments_.calls, IsEmpty());
}

TEST_F(CommandTest, AMountPointThatOthersCanExchangeMustBeAllowed) {
  use_ext4();
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 0);
  EXPECT_FALSE(attachments_.last_allows_any_owner);
  EXPECT_EQ(run({"mount", "101", "/mnt", "--allow-any-owner"}), 0);
  EXPECT_TRUE(attachments_.last_allows_any_owner);
}

TEST_F(CommandTest, AFailedMountDetachesWhatItAttachedAndNothingElse) {
  use_ext4();
  attachments_.errors["mount"] = {ErrorKind::failed, "no"};
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 1);
  EXPECT_THAT(attachments_.calls,
              ElementsAre("check_mountpoint /mnt", "attach", "mount", "detach /dev/nbd7"));
  attachments_.calls.clear();
  attachments_.already_attached = true;
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 1);
  EXPECT_THAT(attachments_.calls, ElementsAre("check_mountpoint /mnt", "attach", "mount"));
  attachments_.already_attached = false;
  attachments_.errors["detach"] = {ErrorKind::busy, "held"};
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 1);
  EXPECT_EQ(err_.str(), "ploopu: no; and detaching failed: held\n");
}

TEST_F(CommandTest, H62_ImagesThatEverybodyCanReplaceAreNotForRoot) {
  files_.let_others_write("/vz/private");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"attach", "101"}, {"mount", "101", "/mnt"}}) {
    attachments_.is_root = true;
    EXPECT_EQ(run(command), 65);
    EXPECT_THAT(err_.str(), HasSubstr("chmod o-w"));
  }
  attachments_.is_root = false;
  EXPECT_EQ(run({"attach", "101"}), 0) << err_.str();
  attachments_.is_root = true;
  EXPECT_EQ(run({"info", "101"}), 0);
  EXPECT_THAT(err_.str(), HasSubstr("/vz/private: everybody may write"));
}

}  // namespace
}  // namespace ploopu::testing
