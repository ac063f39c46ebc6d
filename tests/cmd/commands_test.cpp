// SPDX-License-Identifier: GPL-2.0-or-later
// Whole command lines against fakes: options, output, exit codes, and what is undone on failure.
#include <iterator>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cmd/dispatch.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/fake_attachments.hpp"
#include "tests/support/fake_file_system.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    auto file =
        ploop_file({.cluster_sectors = 8, .disk_sectors = 64, .bat = {1, 0, 0, 0, 0, 0, 0, 0}});
    file->write(4096, pattern(4096, 1));
    files_.add("/vz/private/101/root.hdd/root.hds", file);
    files_.add("/vz/private/101/root.hdd/DiskDescriptor.xml", DescriptorText{}.str());
    files_.add("/etc/vz/conf/101.conf", "VE_PRIVATE=/vz/private/$VEID\n");
    files_.add_directory("/mnt");
    files_.add_directory("/srv");
    prober_.layout = {
        "gpt",
        {{1, 4096, 8192, false, "ext4", "root", "u-1"}, {2, 12288, 4096, false, "swap", "", ""}},
        {}};
  }

  int run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    cmd::Context context{out_, err_, files_, prober_, attachments_};
    return cmd::run(std::move(arguments), context);
  }

  json run_json(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    EXPECT_EQ(run(std::move(arguments)), 0) << err_.str();
    EXPECT_EQ(err_.str(), "");
    return json::parse(out_.str());
  }

  Attachment mounted_attachment() const {
    Attachment attachment;
    attachment.id = "0123456789abcdef";
    attachment.image = "/vz/private/101/root.hdd/DiskDescriptor.xml";
    attachment.ctid = "101";
    attachment.root = "/";
    attachment.backend = "nbd";
    attachment.device = "/dev/nbd7";
    attachment.partitions = {{1, "/dev/nbd7p1"}};
    attachment.server_pid = 4711;
    attachment.mountpoints = attachment.ploopu_mountpoints = {"/mnt"};
    return attachment;
  }

  FakeFileSystem files_;
  FakeProber prober_;
  FakeAttachments attachments_;
  std::ostringstream out_;
  std::ostringstream err_;
};

// ---- The command line itself

TEST_F(CommandTest, UsageErrorsAre64AndNameTheMistake) {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"frobnicate"},
                                                       {"info"},
                                                       {"info", "101", "102"},
                                                       {"info", "101", "--bogus"},
                                                       {"mount", "101"},
                                                       {"attach", "101", "--backend", "magic"},
                                                       {"mount", "101", "/mnt", "--partition", "x"},
                                                       {"--root", "/nowhere", "list"},
                                                       {"detach"},
                                                       {"detach", "101", "--all"}};
  for (const auto& arguments : wrong) {
    EXPECT_EQ(run(arguments), 64) << ::testing::PrintToString(arguments);
    EXPECT_THAT(err_.str(), HasSubstr("ploopu: "));
    EXPECT_EQ(out_.str(), "");
  }
  EXPECT_THAT(attachments_.calls, IsEmpty());
  run({"--json", "frobnicate", "101"});
  EXPECT_THAT(err_.str(), HasSubstr("'frobnicate' is not a verb"));
}

TEST_F(CommandTest, HelpHasExamplesForEveryVerb) {
  for (const char* verb : {"info", "map", "attach", "mount", "detach", "umount", "list"}) {
    EXPECT_EQ(run({verb, "--help"}), 0);
    EXPECT_THAT(out_.str(), HasSubstr("Examples:")) << verb;
  }
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("ploopu mount 101 /mnt"));
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("ploopu 0."));
}

TEST_F(CommandTest, GlobalOptionsStandBeforeOrAfterTheVerb) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--json", "info", "101"},
        {"info", "--json", "101"},
        {"info", "101", "--json"}}) {
    EXPECT_EQ(run(arguments), 0);
    EXPECT_EQ(json::parse(out_.str())["ctid"], "101");
  }
}

TEST_F(CommandTest, ErrorsAreJsonWhenJsonIsWanted) {
  EXPECT_EQ(run({"info", "999", "--json"}), 66);
  EXPECT_EQ(out_.str(), "");
  const json error = json::parse(err_.str())["error"];
  EXPECT_EQ(error["kind"], "not-found");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("999"));
  EXPECT_EQ(run({"info", "--json", "--bogus", "101"}), 64);
  EXPECT_EQ(json::parse(err_.str())["error"]["kind"], "usage");
}

TEST_F(CommandTest, UntrustedTextIsEscaped) {
  EXPECT_EQ(run({"info", "/evil\x1b[31m\nname"}), 66);
  EXPECT_THAT(err_.str(), HasSubstr("\\x1b[31m\\x0aname"));
  EXPECT_EQ(run({"info", "/evil\xff", "--json"}), 66);
  EXPECT_THAT(json::parse(err_.str())["error"]["message"].get<std::string>(), HasSubstr("\\xff"));
  prober_.layout.partitions[0].label = "a\x1b]0;owned\x07";
  EXPECT_EQ(run({"info", "101"}), 0);
  EXPECT_THAT(out_.str(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(out_.str(), HasSubstr("a\\x1b]0;owned\\x07"));  // escaped once
}

TEST_F(CommandTest, AFullDiskUnderStdoutIsAnError) {
  std::ostream broken(nullptr);
  cmd::Context context{broken, err_, files_, prober_, attachments_};
  EXPECT_EQ(cmd::run({"info", "101"}, context), 1);
  EXPECT_THAT(err_.str(), HasSubstr("standard output"));
}

TEST_F(CommandTest, WhatNobodyCouldBeToldOfDoesNotStayAttached) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"attach", "101"},
                                                    {"attach", "101", "--json"},
                                                    {"mount", "101", "/mnt"},
                                                    {"mount", "101", "/mnt", "--json"}}) {
    attachments_.calls.clear();
    std::ostream broken(nullptr);
    cmd::Context context{broken, err_, files_, prober_, attachments_};
    EXPECT_EQ(cmd::run(arguments, context), 1);
    EXPECT_EQ(attachments_.calls.back(), "detach /dev/nbd7");
  }
  attachments_.already_attached = true;
  attachments_.calls.clear();
  std::ostream broken(nullptr);
  cmd::Context context{broken, err_, files_, prober_, attachments_};
  EXPECT_EQ(cmd::run({"attach", "101"}, context), 1);
  EXPECT_THAT(attachments_.calls, ElementsAre("attach"));
}

TEST_F(CommandTest, ExitCodesByKindOfError) {
  const std::map<ErrorKind, int> codes = {
      {ErrorKind::failed, 1},     {ErrorKind::damaged, 65},
      {ErrorKind::not_found, 66}, {ErrorKind::missing_kernel_part, 69},
      {ErrorKind::busy, 75},      {ErrorKind::not_permitted, 77}};
  for (const auto& [kind, code] : codes) {
    attachments_.errors["attach"] = {kind, "because"};
    EXPECT_EQ(run({"attach", "101"}), code);
    EXPECT_EQ(err_.str(), "ploopu: because\n");
  }
}

// ---- info

TEST_F(CommandTest, InfoJson) {
  prober_.layout.warnings = {"odd"};
  const json info = run_json({"info", "101"});
  EXPECT_EQ(out_.str().substr(0, 15), "{\n  \"schema\": 1");
  EXPECT_EQ(info["ctid"], "101");
  EXPECT_EQ(info["path"], "/vz/private/101/root.hdd/DiskDescriptor.xml");
  EXPECT_EQ(info["version"], 2);
  EXPECT_EQ(info["virtual_size"], 32768);
  EXPECT_EQ(info["cluster_size"], 4096);
  EXPECT_EQ(info["clusters_total"], 8);
  EXPECT_EQ(info["clusters_allocated"], 1);
  EXPECT_EQ(info["in_use"], false);
  const json delta = {{"file", "/vz/private/101/root.hdd/root.hds"},
                      {"guid", kFixedTop},
                      {"version", 2},
                      {"cluster_size", 4096},
                      {"clusters_allocated", 1},
                      {"file_size", 8192},
                      {"in_use", false}};
  EXPECT_EQ(info["deltas"], json::array({delta}));
  const json partition = {{"number", 1},      {"start", 4096},   {"size", 8192},
                          {"fstype", "ext4"}, {"label", "root"}, {"uuid", "u-1"}};
  EXPECT_EQ(info["partitions"][0], partition);
  EXPECT_EQ(info["partitions"][1]["label"], nullptr);
  EXPECT_EQ(info["warnings"], json::array({"odd"}));
  EXPECT_FALSE(run_json({"info", "/vz/private/101/root.hdd/root.hds"}).contains("ctid"));
}

TEST_F(CommandTest, InfoTextAndQuiet) {
  prober_.layout.warnings = {"odd"};
  EXPECT_EQ(run({"info", "101"}), 0);
  for (const char* words : {"Container   101", "ploop v2", "1 of 8 clusters", "root.hds", "ext4"}) {
    EXPECT_THAT(out_.str(), HasSubstr(words));
  }
  EXPECT_EQ(err_.str(), "ploopu: warning: odd\n");
  EXPECT_EQ(run({"-q", "info", "101"}), 0);
  EXPECT_EQ(err_.str(), "");
}

// ---- map

TEST_F(CommandTest, MapJson) {
  const json map = run_json({"map", "101"});
  EXPECT_EQ(map["schema"], 1);
  EXPECT_EQ(map["virtual_size"], 32768);
  const json data = {{"start", 0},      {"length", 4096},
                     {"state", "data"}, {"file", "/vz/private/101/root.hdd/root.hds"},
                     {"depth", 0},      {"offset", 4096}};
  const json zero = {{"start", 4096}, {"length", 28672}, {"state", "zero"}};
  EXPECT_EQ(map["extents"], json::array({data, zero}));
  EXPECT_EQ(run_json({"map", "101", "--only", "zero"})["extents"], json::array({zero}));
  EXPECT_EQ(run_json({"map", "101", "--only", "error"})["extents"], json::array());
}

TEST_F(CommandTest, MapTextAndWhatIsLost) {
  files_.add("/i/cut", ploop_file({.cluster_sectors = 8, .disk_sectors = 24, .bat = {0, 5, 0}}));
  EXPECT_EQ(run({"map", "/i/cut"}), 0);
  std::istringstream lines(out_.str());
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    rows.emplace_back(std::istream_iterator<std::string>(words),
                      std::istream_iterator<std::string>());
  }
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_THAT(rows[0], ElementsAre("START", "LENGTH", "STATE", "OFFSET", "DEPTH", "FILE"));
  EXPECT_THAT(rows[1], ElementsAre("0", "4096", "zero", "-", "-", "-"));
  EXPECT_THAT(rows[2], ElementsAre("4096", "4096", "error", "-", "0", "cut"));
  EXPECT_THAT(err_.str(), HasSubstr("1 of 1 clusters"));
  EXPECT_EQ(run({"map", "101", "--only", "holes"}), 64);
}

// ---- attach

TEST_F(CommandTest, AttachPrintsDeviceAndPartitions) {
  EXPECT_EQ(run({"attach", "101"}), 0);
  EXPECT_EQ(out_.str(), "/dev/nbd7\n/dev/nbd7p1\n/dev/nbd7p2\n");
  EXPECT_EQ(err_.str(), "ploopu: took nbd\n");
  attachments_.already_attached = true;
  EXPECT_EQ(run({"attach", "101"}), 0);
  EXPECT_THAT(err_.str(), HasSubstr("attached already"));
  EXPECT_THAT(run_json({"attach", "101"})["warnings"].dump(), HasSubstr("attached already"));
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

// ---- mount

TEST_F(CommandTest, MountsTheOnlyFileSystem) {
  const json mounted = run_json({"mount", "101", "/mnt", "-o", "noexec"});
  EXPECT_THAT(attachments_.calls, ElementsAre("check_mountpoint /mnt", "attach", "mount"));
  EXPECT_EQ(attachments_.last_mount.device, "/dev/nbd7p1");
  EXPECT_EQ(attachments_.last_mount.directory, "/mnt");
  EXPECT_EQ(attachments_.last_mount.fstype, "ext4");
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,errors=remount-ro,noload,noexec");
  EXPECT_EQ(mounted["mountpoint"], "/mnt");
  EXPECT_EQ(mounted["fstype"], "ext4");
  EXPECT_EQ(mounted["journal"], "clean");
  EXPECT_EQ(mounted["options"], attachments_.last_mount.options);
  EXPECT_EQ(mounted["device"], "/dev/nbd7");
}

TEST_F(CommandTest, MountSaysWhatIsWhereAndThroughWhat) {
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 0);
  EXPECT_EQ(out_.str(), "/dev/nbd7p1 (ext4, by nbd) is mounted read-only on /mnt\n");
}

TEST_F(CommandTest, XfsWithADirtyLogIsMountedAgainWithoutIt) {
  prober_.layout.partitions[0].fstype = "xfs";
  EXPECT_EQ(run_json({"mount", "101", "/mnt"})["journal"], "clean");
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,nouuid");
  attachments_.mount_outcomes = {MountOutcome::needs_recovery};
  const json mounted = run_json({"mount", "101", "/mnt"});
  EXPECT_EQ(mounted["journal"], "skipped");
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,nouuid,norecovery");
  EXPECT_THAT(mounted["warnings"].dump(), HasSubstr("journal was not replayed"));
}

TEST_F(CommandTest, WhatIsWrongIsFoundBeforeAnythingIsAttached) {
  EXPECT_EQ(run({"mount", "101", "/nowhere"}), 66);
  EXPECT_EQ(run({"mount", "101", "/mnt", "-o", "rw"}), 64);
  EXPECT_EQ(run({"mount", "101", "/mnt", "--partition", "2"}), 65);
  EXPECT_EQ(run({"mount", "101", "/mnt", "--partition", "9"}), 66);
  prober_.layout = {};
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 65);
  EXPECT_THAT(attachments_.calls, IsEmpty());
}

TEST_F(CommandTest, AFailedMountDetachesWhatItAttachedAndNothingElse) {
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

// ---- detach and list

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
                     {"detached", true}};
  EXPECT_EQ(done["targets"][1], last);
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

// The second image's file may lie in the mount of the first.
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
                      {"pid", 4711},
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
