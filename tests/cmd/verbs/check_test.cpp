// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(CommandTest, CheckTellsByItsExitCode) {
  EXPECT_EQ(run({"check", "101"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("DiskDescriptor.xml: no errors, 0 leaked clusters, 8 table"));
  const json sound = run_json({"check", "101"});
  EXPECT_EQ(sound["schema"], 1);
  EXPECT_EQ(sound["clusters_checked"], 8);
  EXPECT_EQ(sound["errors"], json::array());
  files_.add("/i/cut", ploop_file({.cluster_sectors = 8, .disk_sectors = 24, .bat = {0, 5, 0}}));
  EXPECT_EQ(run({"check", "/i/cut"}), 2);
  EXPECT_THAT(out_.str(), HasSubstr("lost: disk bytes 4096 to 8191 (4 KiB)"));
  EXPECT_EQ(run({"check", "/i/cut", "--json"}), 2);
  EXPECT_EQ(json::parse(out_.str())["errors"][0]["kind"], "past-end");
  EXPECT_EQ(json::parse(out_.str())["lost"][0]["start"], 4096);
  auto leaky = ploop_file({.cluster_sectors = 8, .disk_sectors = 24, .bat = {0, 1, 0}});
  leaky->set_size(3 * 4096);
  files_.add("/i/leaky", leaky);
  EXPECT_EQ(run({"check", "/i/leaky"}), 3);
}

// check reports an image that attach refuses, with the kind of the error.
TEST_F(CommandTest, CheckLooksAtWhatCannotBeAttached) {
  const std::string descriptor = "/vz/private/101/root.hdd/DiskDescriptor.xml";
  const auto kind = [&] {
    EXPECT_EQ(run({"info", "101"}), 65);
    EXPECT_EQ(run({"check", "101", "--json"}), 2) << err_.str();
    return json::parse(out_.str())["errors"][0]["kind"].get<std::string>();
  };
  files_.add(descriptor, std::string(3000, '\x01'));
  EXPECT_EQ(kind(), "descriptor");
  files_.add(descriptor, DescriptorText{.shots = shot_xml(kFixedTop, kFixedTop)}.str());
  EXPECT_EQ(kind(), "chain");
  files_.add(descriptor, DescriptorText{}.str());
  files_.add("/vz/private/101/root.hdd/root.hds", ploop_file({.type = 9, .cluster_sectors = 8}));
  EXPECT_EQ(kind(), "header");
  files_.add(descriptor, DescriptorText{.images = image_xml(kFixedTop, "gone")}.str());
  EXPECT_EQ(run({"check", "101", "--files", "--json"}), 2);
  EXPECT_EQ(json::parse(out_.str())["errors"][0]["kind"], "missing-delta");
  EXPECT_EQ(json::parse(out_.str())["files"], json::array());
}

TEST_F(CommandTest, CheckNamesFilesOnlyWhenAsked) {
  prober_.layout.partitions.pop_back();  // the second partition ends after this disk
  files_.add("/i/cut", ploop_file({.cluster_sectors = 8, .disk_sectors = 24, .bat = {0, 5, 0}}));
  LostFiles found;
  found.files = {{1, "/etc/\x1b[2Jmotd", 12, "data", {4096, 1024}},
                 {1, "", 13, "inode", {6000, 256}}};
  found.metadata = {{1, "inode table", {6000, 1000}}};
  found.unclaimed_bytes = 77;
  found.notes = {"a note"};
  file_finder_.answers[1] = found;
  EXPECT_EQ(run({"check", "/i/cut"}), 2);
  EXPECT_THAT(out_.str(), Not(HasSubstr("file:")));
  EXPECT_EQ(run({"check", "/i/cut", "--files"}), 2);
  for (const char* words : {"file: /etc/\\x1b[2Jmotd: disk bytes 4096 to 5119 (1 KiB)\n",
                            "file: inode 13 without a name (inode): disk bytes 6000 to 6255",
                            "metadata: inode table of the file system: disk bytes 6000 to 6999",
                            "unclaimed: no file was found for 77 lost bytes\n"}) {
    EXPECT_THAT(out_.str(), HasSubstr(words));
  }
  EXPECT_THAT(err_.str(), HasSubstr("warning: a note"));
  EXPECT_EQ(run({"check", "/i/cut", "--files", "--json"}), 2);
  const json report = json::parse(out_.str());
  const json file = {{"partition", 1}, {"path", "/etc/\\x1b[2Jmotd"},
                     {"inode", 12},    {"part", "data"},
                     {"start", 4096},  {"length", 1024}};
  EXPECT_EQ(report["files"][0], file);
  EXPECT_EQ(report["files"][1]["path"], nullptr);
  EXPECT_EQ(report["metadata"][0]["what"], "inode table");
  EXPECT_EQ(report["lost_bytes"], 4096);
  EXPECT_EQ(report["unclaimed_bytes"], 77);
  EXPECT_EQ(report["warnings"].back(), "a note");
  EXPECT_FALSE(run_json({"check", "101"}).contains("files"));
}

}  // namespace
}  // namespace ploopu::testing
