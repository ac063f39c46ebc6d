// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kUuid[] = "6a1b0000-1111-2222-3333-444455556666";

class ListTest : public CommandTest {
 protected:
  ListTest() {
    files_.add("/etc/vz/conf/101.conf", "NAME=web\n");
    files_.add("/etc/vz/conf/9.conf", "NAME=\"a\x1b[31m\"\n");  // its private area is missing
    files_.add(std::string("/vz/private/") + kUuid + "/etc/passwd", "");
    auto large = ploop_file(
        {.cluster_sectors = 2048, .disk_sectors = 4096, .bat = {1, 0}, .in_use = 1953459801});
    large->set_size(2 << 20);
    files_.add("/vz/private/1000/root.hdd/root.hds", large);
    files_.add("/vz/private/1000/root.hdd/DiskDescriptor.xml", DescriptorText{}.str());
  }

  // The lines of the output, blanks squeezed.
  std::vector<std::string> lines(std::vector<std::string> arguments) {
    EXPECT_EQ(run(std::move(arguments)), 0) << err_.str();
    std::vector<std::string> found;
    std::istringstream text(out_.str());
    for (std::string line; std::getline(text, line);) {
      std::istringstream words(line);
      found.emplace_back();
      for (std::string word; words >> word;)
        found.back() += (found.back().empty() ? "" : " ") + word;
    }
    return found;
  }

  using Lines = std::vector<std::string>;
};

TEST_F(ListTest, AllContainersWithTheReasonOfDamagedOnes) {
  attachments_.attached = {mounted_attachment()};
  const Lines found = lines({"list", "--all"});
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(found[0], "CTID NAME LAYOUT SIZE ALLOC SNAPSHOTS STATE DEVICE MOUNTPOINT PATH REASON");
  EXPECT_THAT(found[1], StartsWith("9 a\\x1b[31m ? - - - - - - - container 9: "));
  EXPECT_EQ(found[2],
            "101 web ploop 32 KiB 4 KiB 0 closed /dev/nbd7 /mnt "
            "/vz/private/101/root.hdd/DiskDescriptor.xml -");
  EXPECT_EQ(found[3],
            "1000 - ploop 2 MiB 1 MiB 0 in use - - /vz/private/1000/root.hdd/DiskDescriptor.xml -");
  EXPECT_EQ(found[4], std::string(kUuid) + " - simfs - - - - - - /vz/private/" + kUuid + " -");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(ListTest, AllAsJson) {
  attachments_.attached = {mounted_attachment(), mounted_attachment()};
  attachments_.attached[0].snapshot = guid('1');
  attachments_.attached[0].device = "/dev/nbd6";
  const json list = run_json({"list", "--all"});
  EXPECT_EQ(list["schema"], 1);
  const json sound = {{"ctid", "101"},
                      {"name", "web"},
                      {"path", "/vz/private/101/root.hdd/DiskDescriptor.xml"},
                      {"layout", "ploop"},
                      {"virtual_size", 32768},
                      {"cluster_size", 4096},
                      {"clusters_allocated", 1},
                      {"in_use", false},
                      {"snapshots", 0},
                      {"device", "/dev/nbd7"},  // the device of the live state
                      {"mountpoint", "/mnt"},
                      {"error", nullptr}};
  EXPECT_EQ(list["containers"][1], sound);
  EXPECT_EQ(list["containers"][2]["in_use"], true);
  const json damaged = list["containers"][0];
  EXPECT_EQ(damaged["ctid"], "9");
  EXPECT_EQ(damaged["name"], "a\\x1b[31m");
  EXPECT_EQ(damaged["layout"], nullptr);
  EXPECT_EQ(damaged["path"], nullptr);
  EXPECT_EQ(damaged["virtual_size"], nullptr);
  EXPECT_FALSE(damaged.contains("device"));
  EXPECT_THAT(damaged["error"].get<std::string>(), HasSubstr("container 9"));
  EXPECT_EQ(list["containers"][3]["layout"], "simfs");
  EXPECT_EQ(list["containers"][3]["error"], nullptr);
}

TEST_F(ListTest, ColumnsHeadingsBytesAndOrder) {
  EXPECT_EQ(lines({"list", "--all", "-o", "ctid,Size", "-H"}),
            (Lines{"9 -", "101 32 KiB", "1000 2 MiB", std::string(kUuid) + " -"}));
  EXPECT_EQ(lines({"list", "--all", "-o", "CTID,SIZE", "-Hb", "--sort", "size"}),
            (Lines{"101 32768", "1000 2097152", "9 -", std::string(kUuid) + " -"}));
  EXPECT_EQ(lines({"list", "--all", "-o", "ALLOC,ALLOC", "-b", "--sort=NAME"}),
            (Lines{"ALLOC ALLOC", "- -", "4096 4096", "1048576 1048576", "- -"}));
  const json sorted = run_json({"list", "--all", "--sort", "SIZE"})["containers"];
  EXPECT_EQ(sorted[0]["ctid"], "101");
}

TEST_F(ListTest, UnknownColumnsAreNamed) {
  for (const Lines& wrong : {Lines{"-o", "CTID,SIZES"}, Lines{"-o", "CTID,"}, Lines{"--sort", "x"},
                             Lines{"--sort", "CTID,NAME"}, Lines{"-o", "+NAME"}}) {
    Lines arguments = {"list", "--all"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(run(arguments), 64);
    EXPECT_EQ(out_.str(), "");
  }
  EXPECT_EQ(run({"list", "--all", "-o", "SIZES"}), 64);
  EXPECT_THAT(err_.str(), HasSubstr("'SIZES' is not a column; choose from: CTID NAME LAYOUT"));
  EXPECT_EQ(run({"list", "-o", "SIZE"}), 64);
  EXPECT_THAT(err_.str(), HasSubstr("DEVICE BACKEND"));
}

TEST_F(ListTest, AttachmentsHaveTheSameOptions) {
  attachments_.attached = {mounted_attachment(), mounted_attachment()};
  attachments_.attached[0].ctid = "1000";
  attachments_.attached[1].device = "/dev/nbd8";
  attachments_.attached[1].mountpoints = {"/mnt", "/srv"};
  EXPECT_EQ(lines({"list", "-o", "device,ctid,mountpoint", "--sort", "ctid"}),
            (Lines{"DEVICE CTID MOUNTPOINT", "/dev/nbd8 101 /mnt, /srv", "/dev/nbd7 1000 /mnt"}));
  EXPECT_EQ(lines({"list", "-Ho", "DEVICE"}), (Lines{"/dev/nbd7", "/dev/nbd8"}));
}

TEST_F(ListTest, AttachmentsAsJson) {
  attachments_.attached = {mounted_attachment(), mounted_attachment()};
  auto& full = attachments_.attached[1];
  full.name = "web\xff";
  full.snapshot = guid('1');
  full.server_pid = 0;
  full.mountpoints.clear();
  full.is_strict = full.has_overlay = true;
  full.overlay_file = "/scratch/\x1b";
  EXPECT_EQ(run({"list", "--json"}), 0);
  const std::string image = R"("image":"/vz/private/101/root.hdd/DiskDescriptor.xml")";
  // The columns that people read most come first.
  EXPECT_EQ(nlohmann::ordered_json::parse(out_.str())["attachments"].dump(),
            "[{" + image +
                R"(,"ctid":"101","device":"/dev/nbd7","backend":"nbd","mountpoints":["/mnt"],)"
                R"("state":"serving","image_changed":false,"warnings":[],"pid":4711,)"
                R"("strict":false,"overlay":false},{)" +
                image + R"(,"name":"web\\xff","ctid":"101","snapshot":")" + guid('1') +
                R"(","device":"/dev/nbd7","backend":"nbd","mountpoints":[],"state":"serving",)"
                R"("image_changed":false,"warnings":[],"pid":null,"strict":true,"overlay":true,)"
                R"("overlay_file":"/scratch/\\x1b"}])");
}

TEST_F(ListTest, R13_AnImageThatChangedIsSaid) {
  attachments_.attached = {mounted_attachment()};
  attachments_.image_changed = true;
  EXPECT_EQ(lines({"list", "-Ho", "DEVICE,STATE"}), (Lines{"/dev/nbd7 changed"}));
  EXPECT_EQ(err_.str(), "ploopu: warning: it changed\n");
  json listed = run_json({"list"})["attachments"][0];
  EXPECT_EQ(listed["state"], "serving");
  EXPECT_EQ(listed["image_changed"], true);
  EXPECT_EQ(listed["warnings"], json::array({"it changed"}));
  // The state of a dead server, stale, hides a change of the image.
  attachments_.attached[0].state = AttachmentState::stale;
  EXPECT_EQ(lines({"list", "-Ho", "STATE"}), (Lines{"stale"}));

  attachments_.attached = {mounted_attachment()};
  attachments_.image_changed = false;
  EXPECT_EQ(lines({"list", "-Ho", "STATE"}), (Lines{"serving"}));
  EXPECT_EQ(run_json({"list"})["attachments"][0]["image_changed"], false);
  attachments_.image_changed.reset();
  EXPECT_EQ(lines({"list", "-Ho", "STATE"}), (Lines{"serving"}));
  EXPECT_EQ(run_json({"list"})["attachments"][0]["image_changed"], nullptr);
}

TEST_F(ListTest, ContainersAreListedEvenIfAttachmentsCannotBe) {
  attachments_.errors["list"] = {ErrorKind::failed, "no list today"};
  EXPECT_EQ(lines({"list", "--all", "-Ho", "CTID"}).size(), 4U);
  EXPECT_EQ(err_.str(), "ploopu: warning: no list today\n");
  EXPECT_EQ(run_json({"list", "--all"})["warnings"], json::array({"no list today"}));
}

TEST_F(ListTest, NoContainersAtAll) {
  EXPECT_EQ(run({"--root", "/tmp", "list", "--all"}), 0);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(), "ploopu: no containers under /tmp\n");
  EXPECT_EQ(run_json({"--root", "/tmp", "list", "--all"})["containers"], json::array());
}

}  // namespace
}  // namespace ploopu::testing
