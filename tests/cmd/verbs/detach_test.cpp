// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(CommandTest, DetachByEveryName) {
  attachments_.attached = {mounted_attachment()};
  for (const char* target :
       {"101", "/mnt", "/dev/nbd7", "/dev/nbd7p1", "/vz/private/101", "/vz/private/101/root.hdd",
        "/vz/private/101/root.hdd/DiskDescriptor.xml"}) {
    attachments_.calls.clear();
    EXPECT_EQ(run({"detach", target}), 0) << target << ": " << err_.str();
    EXPECT_THAT(attachments_.calls, ElementsAre("list", "detach /dev/nbd7"));
  }
  for (const char* stranger : {"102", "/dev/sda", "/srv", "/vz/private/102", "name"}) {
    attachments_.calls.clear();
    EXPECT_EQ(run({"umount", stranger}), 66) << stranger;
    EXPECT_THAT(attachments_.calls, ElementsAre("list"));
  }
}

TEST_F(CommandTest, AnImageStandsForEveryStateOfItThatIsAttached) {
  attachments_.attached = {mounted_attachment(), mounted_attachment()};
  attachments_.attached[1].id = "older";
  attachments_.attached[1].device = "/dev/nbd8";
  attachments_.attached[1].snapshot = guid('1');
  EXPECT_EQ(run_json({"list"})["attachments"][1]["snapshot"], guid('1'));
  EXPECT_EQ(run({"detach", "101"}), 0);
  EXPECT_THAT(attachments_.calls,
              ElementsAre("list", "list", "detach /dev/nbd7", "detach /dev/nbd8"));
  attachments_.calls.clear();
  EXPECT_EQ(run({"detach", "/dev/nbd8"}), 0);
  EXPECT_THAT(attachments_.calls, ElementsAre("list", "detach /dev/nbd8"));
}

TEST_F(CommandTest, WhatIsNotFoundIsExplained) {
  attachments_.attached = {mounted_attachment()};
  attachments_.attached[0].mountpoints = {"/mnt", "/srv"};
  EXPECT_EQ(run({"detach", "/srv"}), 66);
  EXPECT_THAT(err_.str(), HasSubstr("by another program"));
  attachments_.attached[0].root = "/old";
  attachments_.attached[0].image = "/old" + attachments_.attached[0].image;
  EXPECT_EQ(run({"detach", "101"}), 66);
  EXPECT_THAT(err_.str(), HasSubstr("with --root /old"));
}

TEST_F(CommandTest, ABusyContainerIsNamedOnce) {
  attachments_.attached = {mounted_attachment()};
  attachments_.errors["detach"] = {ErrorKind::busy, "held"};
  EXPECT_EQ(run({"detach", "101"}), 75);
  EXPECT_EQ(err_.str(), "ploopu: held\n");
}

TEST_F(CommandTest, ByTheFileOfTheNewestDelta) {
  attachments_.attached = {mounted_attachment()};
  attachments_.attached[0].newest_delta = "/vz/private/101/root.hdd/root.hds";
  EXPECT_EQ(run({"detach", "/vz/private/101/root.hdd/root.hds"}), 0) << err_.str();
}

TEST_F(CommandTest, AContainerThatWasAttachedByItsPath) {
  attachments_.attached = {mounted_attachment()};
  attachments_.attached[0].ctid.reset();
  EXPECT_EQ(run({"detach", "101"}), 0) << err_.str();
  EXPECT_EQ(run({"detach", "102"}), 66);
}

TEST_F(CommandTest, AContainerOfAnotherRootIsAnotherContainer) {
  attachments_.attached = {mounted_attachment()};
  attachments_.attached[0].root = "/old";
  attachments_.attached[0].image = "/old" + attachments_.attached[0].image;
  EXPECT_EQ(run({"detach", "101"}), 66);
}

TEST_F(CommandTest, OneOfTwoMountPointsLeavesTheDevice) {
  attachments_.attached = {mounted_attachment()};
  attachments_.attached[0].ploopu_mountpoints = {"/mnt", "/srv"};
  EXPECT_EQ(run({"umount", "/mnt"}), 0);
  EXPECT_THAT(attachments_.calls, ElementsAre("list", "unmount /mnt"));
}

TEST_F(CommandTest, DetachAllGoesOnAfterAFailureAndReportsIt) {
  attachments_.attached = {mounted_attachment(), mounted_attachment()};
  attachments_.attached[1].id = "other";
  attachments_.attached[1].device = "/dev/nbd8";
  attachments_.errors["detach"] = {ErrorKind::busy, "held"};
  EXPECT_EQ(run({"detach", "--all"}), 75);
  EXPECT_THAT(attachments_.calls, ElementsAre("list", "detach /dev/nbd7", "detach /dev/nbd8"));
  attachments_.errors.clear();
  const json done = run_json({"detach", "--all"});
  const json last = {{"image", "/vz/private/101/root.hdd/DiskDescriptor.xml"},
                     {"device", "/dev/nbd8"},
                     {"unmounted", {"/mnt"}},
                     {"warnings", json::array()},
                     {"detached", true}};
  EXPECT_EQ(done["targets"][1], last);
}

TEST_F(CommandTest, DetachByForce) {
  attachments_.attached = {mounted_attachment()};
  EXPECT_EQ(run({"detach", "--force", "/dev/nbd7"}), 0);
  EXPECT_THAT(attachments_.calls, ElementsAre("list", "detach --force /dev/nbd7"));
}

TEST_F(CommandTest, WhatCouldBeDetachedIsInTheJsonOfAFailure) {
  attachments_.attached = {mounted_attachment(), mounted_attachment()};
  attachments_.attached[1].id = "other";
  attachments_.attached[1].device = "/dev/nbd8";
  attachments_.lies_in = {{"/dev/nbd7", "/dev/sdz"}};
  EXPECT_EQ(run({"detach", "--all", "--json"}), 75);
  EXPECT_EQ(json::parse(out_.str())["targets"][0]["device"], "/dev/nbd8");
  EXPECT_EQ(json::parse(err_.str())["error"]["kind"], "busy");
}

// The file of the second image may be inside the mount of the first.
TEST_F(CommandTest, OneImageInsideAnotherGoesFirstWhateverTheOrder) {
  attachments_.attached = {mounted_attachment(), mounted_attachment()};
  attachments_.attached[1].id = "inner";
  attachments_.attached[1].device = "/dev/nbd8";
  attachments_.lies_in = {{"/dev/nbd7", "/dev/nbd8"}};
  EXPECT_EQ(run({"detach", "/dev/nbd7", "/dev/nbd8"}), 0) << err_.str();
  EXPECT_EQ(attachments_.calls.back(), "detach /dev/nbd7");
}

TEST_F(CommandTest, NamedTwiceIsDetachedOnce) {
  attachments_.attached = {mounted_attachment()};
  EXPECT_EQ(run({"detach", "/dev/nbd7", "101", "/mnt"}), 0) << err_.str();
  EXPECT_THAT(attachments_.calls, ElementsAre("list", "detach /dev/nbd7"));
}

TEST_F(CommandTest, AnInterruptedUnmountCanBeRepeated) {
  attachments_.attached = {mounted_attachment()};
  attachments_.attached[0].mountpoints = attachments_.attached[0].ploopu_mountpoints = {};
  attachments_.attached[0].former_mountpoints = {"/mnt"};
  EXPECT_EQ(run({"umount", "/mnt"}), 0) << err_.str();
  EXPECT_THAT(attachments_.calls, ElementsAre("list", "detach /dev/nbd7"));
}

TEST_F(CommandTest, WhoIsNotRootIsToldThatThereMayBeMore) {
  attachments_.is_root = false;
  files_.add_special("/dev/nbd3");
  EXPECT_EQ(run({"detach", "/dev/nbd3"}), 77);
  EXPECT_THAT(err_.str(), HasSubstr("only root"));
  EXPECT_EQ(run({"detach", "102"}), 66);
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 77);
}

TEST_F(CommandTest, NothingIsDetachedWhenOneTargetIsUnknown) {
  attachments_.attached = {mounted_attachment()};
  EXPECT_EQ(run({"detach", "/dev/nbd7", "/dev/nbd9"}), 66);
  EXPECT_THAT(attachments_.calls, ElementsAre("list"));
}

TEST_F(CommandTest, List) {
  EXPECT_EQ(run({"list"}), 0);
  EXPECT_EQ(out_.str(), "");
  attachments_.attached = {mounted_attachment(), mounted_attachment()};
  attachments_.attached[1].state = AttachmentState::stale;
  attachments_.attached[1].server_pid = 0;
  attachments_.attached[1].ctid.reset();
  const json list = run_json({"list"});
  const json first = {{"image", "/vz/private/101/root.hdd/DiskDescriptor.xml"},
                      {"ctid", "101"},
                      {"device", "/dev/nbd7"},
                      {"backend", "nbd"},
                      {"mountpoints", {"/mnt"}},
                      {"state", "serving"},
                      {"image_changed", false},
                      {"warnings", json::array()},
                      {"pid", 4711},
                      {"strict", false},
                      {"overlay", false}};
  EXPECT_EQ(list["attachments"][0], first);
  EXPECT_EQ(list["attachments"][1]["state"], "stale");
  EXPECT_EQ(list["attachments"][1]["pid"], nullptr);
  EXPECT_FALSE(list["attachments"][1].contains("ctid"));
  EXPECT_EQ(run({"list"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("/dev/nbd7 nbd     serving 101"));
}

}  // namespace
}  // namespace ploopu::testing
