// SPDX-License-Identifier: GPL-2.0-or-later
#include <iterator>

#include "tests/support/command_test.hpp"
#include "tests/support/extension_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

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
                      {"in_use", false},
                      {"disk_in_use", 0},
                      {"flags", 0},
                      {"extension", nullptr}};
  EXPECT_EQ(info["deltas"], json::array({delta}));
  const json partition = {{"number", 1},      {"start", 4096},   {"size", 8192},
                          {"fstype", "ext4"}, {"label", "root"}, {"uuid", "u-1"}};
  EXPECT_EQ(info["table"], "gpt");
  EXPECT_EQ(info["partitions"][0], partition);
  EXPECT_EQ(info["partitions"][1]["label"], nullptr);
  EXPECT_EQ(info["warnings"], json::array({"odd"}));
  EXPECT_FALSE(run_json({"info", "/vz/private/101/root.hdd/root.hds"}).contains("ctid"));
  prober_.layout.table = "";
  EXPECT_EQ(run_json({"info", "101"})["table"], nullptr);
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

TEST_F(CommandTest, Row29_SnapshotsAndInfoOfOne) {
  auto older = ploop_file({.cluster_sectors = 8, .disk_sectors = 32, .bat = {0, 0, 0, 0}});
  files_.add("/vz/private/101/root.hdd/older.hds", older);
  files_.add(
      "/vz/private/101/root.hdd/DiskDescriptor.xml",
      DescriptorText{.images = image_xml(guid('1'), "older.hds") + image_xml(kFixedTop, "root.hds"),
                     .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))}
          .str());
  const json first = {
      {"guid", guid('1')}, {"parent", nullptr}, {"current", false}, {"file", "older.hds"}};
  const json snapshots = run_json({"snapshots", "101"})["snapshots"];
  EXPECT_EQ(snapshots[0], first);
  EXPECT_EQ(snapshots[1]["current"], true);
  EXPECT_EQ(run({"snapshots", "101"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr(std::string("* ") + kFixedTop));
  const json info = run_json({"info", "101", "-s", "1111"});
  EXPECT_EQ(info["snapshot"], guid('1'));
  EXPECT_EQ(info["virtual_size"], 32 * 512);
  EXPECT_FALSE(run_json({"info", "101"}).contains("snapshot"));
  EXPECT_EQ(run_json({"map", "101", "--snapshot", "base"})["virtual_size"], 32 * 512);
  EXPECT_EQ(run({"info", "101", "-s", "4711"}), 66);
  EXPECT_EQ(run({"snapshots", "/vz/private/101/root.hdd/root.hds"}), 64);
}

TEST_F(CommandTest, Row14_OtherValuesOfDiskInUseAreClosedAndShown) {
  prober_.layout = {};
  const auto put = [&](uint32_t value) {
    files_.add("/i/odd",
               ploop_file({.cluster_sectors = 8, .disk_sectors = 8, .bat = {0}, .in_use = value}));
  };
  put(0x32326470);
  const json info = run_json({"info", "/i/odd"});
  EXPECT_EQ(info["in_use"], false);
  EXPECT_EQ(info["deltas"][0]["disk_in_use"], 0x32326470);
  EXPECT_EQ(run({"info", "/i/odd"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("closed (0x32326470 \"pd22\")"));
  put(1);
  EXPECT_EQ(run({"info", "/i/odd"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("closed (0x00000001) "));
  for (const uint32_t usual : {0U, kV21}) {
    put(usual);
    EXPECT_EQ(run({"info", "/i/odd"}), 0);
    EXPECT_THAT(out_.str(), Not(HasSubstr("0x")));
  }
}

TEST_F(CommandTest, H18_UnknownFlagsAreWarnedOfAndTheEmptyFlagIsNot) {
  prober_.layout = {};
  const auto put = [&](uint32_t flags) {
    files_.add("/i/flags",
               ploop_file({.cluster_sectors = 8, .disk_sectors = 8, .bat = {0}, .flags = flags}));
  };
  put(1);
  EXPECT_EQ(run_json({"info", "/i/flags"})["deltas"][0]["flags"], 1);
  put(0x80000005);
  EXPECT_EQ(run({"info", "/i/flags"}), 0);
  EXPECT_EQ(err_.str(),
            "ploopu: warning: /i/flags: m_Flags has unknown flags 0x80000004: ignored\n");
}

class ExtensionCommandTest : public CommandTest {
 protected:
  ExtensionCommandTest() { prober_.layout = {}; }

  // The disk has one cluster; the extension is the third cluster of the file.
  void put(uint32_t in_use, Bytes extension) {
    auto file = ploop_file({.cluster_sectors = 8,
                            .disk_sectors = 8,
                            .bat = {1},
                            .in_use = in_use,
                            .extension_sector = 16});
    file->write(4096, pattern(4096, 1));
    file->write(8192, std::move(extension));
    file->write(12288, Bytes(4096, std::byte{0xF0}));
    files_.add("/i/image", file);
  }
  Bytes sound_ = extension_cluster(
      {feature(kBitmapFeature, bitmap_data({.sectors = 8, .table = {24}}))}, 4096);
};

TEST_F(ExtensionCommandTest, InfoShowsBitmaps) {
  put(kV21, sound_);
  const json bitmap = {{"id", "00010203-0405-0607-0809-0a0b0c0d0e0f"},
                       {"size", 4096},
                       {"granularity", 512},
                       {"bytes_dirty", 2048}};
  const json extension = {{"state", "valid"}, {"bitmaps", json::array({bitmap})}};
  EXPECT_EQ(run_json({"info", "/i/image"})["deltas"][0]["extension"], extension);
  EXPECT_EQ(run({"info", "/i/image"}), 0);
  EXPECT_THAT(out_.str(), ContainsRegex("DIRTY BITMAP +DELTA STATE GRANULARITY DIRTY\n"
                                        "00010203-[0-9a-f-]+ image valid +512 B 2 KiB\n"));
  EXPECT_EQ(err_.str(), "");
  EXPECT_EQ(run({"info", "101"}), 0);
  EXPECT_THAT(out_.str(), Not(HasSubstr("BITMAP")));
}

TEST_F(ExtensionCommandTest, Row55_InfoSaysWhenAnExtensionMeansNothing) {
  put(0, sound_);
  const json stale = run_json({"info", "/i/image"});
  EXPECT_EQ(stale["deltas"][0]["extension"]["state"], "stale");
  EXPECT_THAT(stale["deltas"][0]["extension"]["reason"], HasSubstr("m_DiskInUse is 0x0"));
  EXPECT_EQ(stale["deltas"][0]["extension"]["bitmaps"], json::array());
  EXPECT_EQ(stale["warnings"], json::array());
  put(kDiskInUse, sound_);
  EXPECT_EQ(run_json({"info", "/i/image"})["deltas"][0]["extension"]["state"], "untrusted");
  sound_[100] ^= std::byte{1};
  put(kV21, sound_);
  EXPECT_EQ(run({"info", "/i/image"}), 0);
  EXPECT_THAT(out_.str(), ContainsRegex("- +image corrupt +\n"));
  EXPECT_EQ(
      err_.str(),
      "ploopu: warning: /i/image: the format extension (dirty bitmaps) is corrupt: its MD5 sum "
      "does not match its content; the disk's data is not affected\n");
}

TEST_F(ExtensionCommandTest, H20_InfoNamesUnknownFeatures) {
  put(kV21, extension_cluster({feature(0x4711, {})}, 4096));
  EXPECT_EQ(run_json({"info", "/i/image"})["warnings"],
            json::array({"/i/image: ignored the unknown feature 0x4711 of the format extension"}));
  put(kV21, extension_cluster({feature(0x4711, {}, 1)}, 4096));
  const json info = run_json({"info", "/i/image"});
  EXPECT_EQ(info["deltas"][0]["extension"]["state"], "unknown");
  EXPECT_THAT(info["warnings"][0], HasSubstr("it needs the unknown feature 0x4711"));
}

TEST_F(ExtensionCommandTest, CheckCountsItsClustersAndTellsWhatIsBroken) {
  put(kV21, sound_);
  EXPECT_EQ(run({"check", "/i/image"}), 0) << out_.str();
  EXPECT_EQ(err_.str(), "");
  sound_[100] ^= std::byte{1};
  put(kV21, sound_);
  EXPECT_EQ(run({"check", "/i/image", "--json"}), 2);
  const json corrupt = json::parse(out_.str());
  EXPECT_EQ(corrupt["errors"][0]["kind"], "extension");
  EXPECT_THAT(corrupt["errors"][0]["message"], HasSubstr("the disk's data is not affected"));
  EXPECT_EQ(corrupt["lost"], json::array());
  // A stale extension holds nothing: its clusters are leaked.
  put(0, sound_);
  EXPECT_EQ(run({"check", "/i/image"}), 3);
  EXPECT_THAT(err_.str(), HasSubstr("stale"));
  put(kDiskInUse, sound_);
  EXPECT_EQ(run({"check", "/i/image"}), 3);
  EXPECT_THAT(err_.str(), HasSubstr("untrusted"));
}

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

TEST_F(CommandTest, H39_FilesOutsideAreReadWithTheOption) {
  files_.add(
      "/other/root.hds",
      ploop_file({.cluster_sectors = 8, .disk_sectors = 64, .bat = {0, 0, 0, 0, 0, 0, 0, 0}}));
  files_.add("/vz/private/101/root.hdd/DiskDescriptor.xml",
             DescriptorText{.images = image_xml(kFixedTop, "/other/root.hds")}.str());
  for (const char* verb : {"info", "map", "attach"}) {
    EXPECT_EQ(run({verb, "101"}), 65) << verb;
    EXPECT_THAT(err_.str(), HasSubstr("--allow-outside"));
    EXPECT_EQ(run({verb, "101", "--allow-outside"}), 0) << verb << err_.str();
    EXPECT_THAT(err_.str(), HasSubstr("/other/root.hds: is outside"));
  }
  EXPECT_EQ(run({"check", "101"}), 65);
  EXPECT_EQ(run({"check", "101", "--allow-outside"}), 0) << out_.str();
  EXPECT_EQ(run({"snapshots", "101", "--allow-outside"}), 0);
}

TEST_F(CommandTest, H37_NamesOfFilesAreEscaped) {
  files_.add("/vz/private/101/root.hdd/DiskDescriptor.xml",
             DescriptorText{.images = image_xml(kFixedTop, "a\nb\x1b[31m\xc2\x9b.hds")}.str());
  EXPECT_EQ(run({"info", "101"}), 65);
  EXPECT_THAT(err_.str(), HasSubstr("a\\x0ab\\x1b[31m\\xc2\\x9b.hds"));
}

// The creator of a file system chooses its label, which may contain any bytes.
TEST_F(CommandTest, H83_LabelsAreEscapedAndNoPartOfAPathOrCommand) {
  const std::string label = "\x1b[2J\n\r$(reboot)`x`/../..\xff\xc2\x9b;'\"";
  const std::string escaped = "\\x1b[2J\\x0a\\x0d$(reboot)`x`/../..\\xff\\xc2\\x9b;'\"";
  use_ext4();
  prober_.layout.partitions[0].label = prober_.layout.partitions[0].uuid = label;
  EXPECT_EQ(run({"info", "101"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr(escaped));
  EXPECT_THAT(out_.str(), Not(HasSubstr("\x1b")));
  const json partition = run_json({"info", "101"})["partitions"][0];
  EXPECT_EQ(partition["label"], escaped);
  EXPECT_EQ(partition["uuid"], escaped);
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 0) << err_.str();
  EXPECT_EQ(attachments_.last_mount.device, "/dev/nbd7p1");
  EXPECT_EQ(attachments_.last_directory, "/mnt");
  EXPECT_EQ(attachments_.last_mount.options, "ro,nosuid,nodev,errors=remount-ro,noload");
}

}  // namespace
}  // namespace ploopu::testing
