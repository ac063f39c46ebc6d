// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class DryRunTest : public CommandTest {
 protected:
  DryRunTest() { attachments_.unusable = {{"nbd", "no module"}}; }

  int run_dry(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    attachments_.calls.clear();
    auto context = context_writing_to(out_);
    const int code = cmd::run(std::move(arguments), context);
    for (const char* change : {"attach", "mount", "detach", "unmount"}) {
      EXPECT_THAT(attachments_.calls, Not(Contains(StartsWith(change)))) << change;
    }
    return code;
  }

  json run_dry_json(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    EXPECT_EQ(run_dry(std::move(arguments)), 0) << err_.str();
    return json::parse(out_.str());
  }
};

TEST_F(DryRunTest, AttachSaysWhichDeviceItWouldMake) {
  EXPECT_EQ(run_dry({"attach", "101", "-n"}), 0);
  EXPECT_EQ(out_.str(),
            "Image      /vz/private/101/root.hdd/DiskDescriptor.xml\n"
            "Delta      /vz/private/101/root.hdd/root.hds\n"
            "Device     a new device, over dm\n"
            "Overlay    none\n"
            "Nothing was done.\n");
  const auto plan = run_dry_json({"attach", "101", "--dry-run", "--overlay"});
  EXPECT_EQ(plan["dry_run"], true);
  EXPECT_EQ(plan["backend"], "fuse");  // dm has no overlays
  EXPECT_EQ(plan["overlay"], true);
  EXPECT_EQ(plan["device"], nullptr);
  EXPECT_EQ(plan["deltas"], json::array({"/vz/private/101/root.hdd/root.hds"}));
  EXPECT_EQ(run_dry({"attach", "101", "-n", "--no-loop", "--backend", "fuse"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("Device     a new file, over fuse\n"));
}

TEST_F(DryRunTest, WhatIsAttachedAlreadyStays) {
  attachments_.attached = {mounted_attachment()};
  EXPECT_EQ(run_dry({"attach", "101", "-n"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("Device     /dev/nbd7, already attached over nbd\n"));
}

TEST_F(DryRunTest, FailsWhereAttachWould) {
  EXPECT_EQ(run_dry({"attach", "101", "-n", "--backend", "nbd"}), 69);
  EXPECT_THAT(err_.str(), HasSubstr("nbd: no module"));
  EXPECT_EQ(run_dry({"attach", "101", "-n", "--backend", "dm", "--overlay"}), 64);
  EXPECT_THAT(err_.str(), HasSubstr("dm: makes read-only devices only"));
  EXPECT_EQ(run_dry({"attach", "101", "-n", "--backend", "dm", "--strict"}), 64);
  EXPECT_THAT(err_.str(), HasSubstr("--strict needs"));
  EXPECT_EQ(run_dry({"attach", "999", "-n"}), 66);
  EXPECT_EQ(run_dry({"attach", "101", "-n", "--backend", "nbd", "--no-loop"}), 64);
  EXPECT_THAT(err_.str(), HasSubstr("--no-loop: nbd makes block devices only, use --backend fuse"));
  attachments_.errors["plan"] = {ErrorKind::busy, "is attached already"};
  EXPECT_EQ(run_dry({"attach", "101", "-n"}), 75);
}

TEST_F(DryRunTest, NbdDeclinesWhatHasTooManyPartitions) {
  attachments_.unusable.clear();
  EXPECT_EQ(run_dry_json({"attach", "101", "-n"})["backend"], "nbd");
  prober_.layout.is_excessive = true;
  EXPECT_EQ(run_dry_json({"attach", "101", "-n"})["backend"], "dm");
}

TEST_F(DryRunTest, MountSaysHowItWouldMount) {
  use_ext4();
  EXPECT_EQ(run_dry({"mount", "101", "/mnt", "-n", "-o", "noexec"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("Overlay    none\n"
                                    "Mount      partition 1 (ext4) on /mnt\n"
                                    "Journal    clean\n"
                                    "Options    ro,"));
  EXPECT_THAT(out_.str(), HasSubstr("noexec\nNothing was done.\n"));
  // The command does what -n printed.
  const auto plan = run_dry_json({"mount", "101", "/mnt", "-n"});
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 0);
  EXPECT_EQ(attachments_.last_mount.options, plan["options"]);
  EXPECT_EQ(attachments_.last_attach.overlay.wanted, plan["overlay"]);
}

TEST_F(DryRunTest, TheJournalDecidesAboutTheOverlay) {
  struct Row {
    bool dirty;
    std::vector<std::string> options;
    bool overlay;
    const char* journal;
  };
  const std::vector<Row> rows = {{false, {}, false, "clean"},
                                 {true, {}, true, "replayed"},
                                 {true, {"--journal", "skip"}, false, "skipped"},
                                 {false, {"--journal", "skip"}, false, "clean"},
                                 {false, {"--journal", "replay"}, true, "clean"},
                                 {false, {"--writable"}, true, "clean"},
                                 {true, {"--writable"}, true, "replayed"}};
  for (const auto& row : rows) {
    use_ext4("/vz/private/101/root.hdd/root.hds", row.dirty);
    std::vector<std::string> arguments = {"mount", "101", "/mnt"};
    arguments.insert(arguments.end(), row.options.begin(), row.options.end());
    auto dry = arguments;
    dry.emplace_back("-n");
    const auto plan = run_dry_json(dry);
    EXPECT_EQ(plan["overlay"], row.overlay) << ::testing::PrintToString(dry);
    EXPECT_EQ(plan["journal"], row.journal) << ::testing::PrintToString(dry);
    const auto done = run_json(arguments);
    EXPECT_EQ(done["journal"], row.journal) << ::testing::PrintToString(arguments);
    EXPECT_EQ(attachments_.last_attach.overlay.wanted, row.overlay);
    EXPECT_EQ(attachments_.last_mount.options, plan["options"]);
  }
}

TEST_F(DryRunTest, DetachSaysWhatItWouldTakeDown) {
  attachments_.attached = {mounted_attachment()};
  EXPECT_EQ(run_dry({"detach", "101", "-n"}), 0);
  EXPECT_EQ(out_.str(), "/dev/nbd7: unmount /mnt; free the device\nNothing was done.\n");
  attachments_.attached[0].has_overlay = true;
  attachments_.attached[0].ploopu_mountpoints = {"/mnt", "/srv"};
  EXPECT_EQ(run_dry({"umount", "/srv", "-n"}), 0);
  EXPECT_EQ(out_.str(), "/dev/nbd7: unmount /srv; keep the device\nNothing was done.\n");
  EXPECT_EQ(run_dry({"detach", "--all", "-n"}), 0);
  EXPECT_THAT(out_.str(),
              HasSubstr("unmount /mnt, /srv; free the device; discard the data in its overlay\n"));
  const auto plan = run_dry_json({"detach", "/dev/nbd7", "-n"});
  EXPECT_EQ(plan["dry_run"], true);
  EXPECT_EQ(plan["targets"][0]["unmounted"], json::array({"/mnt", "/srv"}));
  EXPECT_EQ(run_dry({"detach", "/dev/null", "-n"}), 66);
}

}  // namespace
}  // namespace ploopu::testing
