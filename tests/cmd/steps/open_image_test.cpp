// SPDX-License-Identifier: GPL-2.0-or-later
// Covers names, further disks, and images that something else uses.
#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ContainerCommandTest : public CommandTest {
 protected:
  ContainerCommandTest() {
    files_.add("/etc/vz/conf/101.conf", "NAME=web\nVE_PRIVATE=/vz/private/$VEID\nDISK=\"uuid=" +
                                            guid('1') + ",image=one.hdd,mnt=/srv,enabled=no\"\n");
    files_.add_link("/etc/vz/names/web", "../conf/101.conf");
    files_.add("/vz/private/101/one.hdd/root.hds",
               ploop_file({.cluster_sectors = 8, .disk_sectors = 32, .bat = {0, 0, 0, 0}}));
    files_.add(kDisk, DescriptorText{.disk_sectors = "32"}.str());
  }

  static constexpr char kDisk[] = "/vz/private/101/one.hdd/DiskDescriptor.xml";
};

TEST_F(ContainerCommandTest, InfoByNameListsFurtherDisks) {
  const json info = run_json({"info", "web"});
  EXPECT_EQ(info["ctid"], "101");
  const json disk = {
      {"uuid", guid('1')}, {"image", "one.hdd"}, {"mnt", "/srv"}, {"enabled", false}};
  EXPECT_EQ(info["disks"], json::array({disk}));
  EXPECT_EQ(run({"info", "101"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("one.hdd /srv"));
  EXPECT_FALSE(run_json({"info", "/vz/private/101"}).contains("disks"));
}

TEST_F(ContainerCommandTest, EveryVerbTakesFurtherDisks) {
  for (const char* disk : {"1", "1111"}) {
    EXPECT_EQ(run_json({"info", "101", "--disk", disk})["virtual_size"], 32 * 512);
  }
  EXPECT_EQ(run_json({"map", "web", "--disk", "1"})["virtual_size"], 32 * 512);
  EXPECT_EQ(run_json({"attach", "web", "--disk", "1"})["image"], kDisk);
  prober_.layout.partitions[0].fstype = "xfs";
  EXPECT_EQ(run_json({"mount", "web", "/mnt", "--partition", "1", "--disk", "1"})["image"], kDisk);
  EXPECT_EQ(run({"check", "web", "--disk", "1"}), 0) << out_.str();
  EXPECT_EQ(run({"snapshots", "web", "--disk", "1"}), 0);
  EXPECT_EQ(run({"info", "101", "--disk", "2"}), 66);
  EXPECT_EQ(run({"info", "/vz/private/101", "--disk", "1"}), 64);
}

TEST_F(ContainerCommandTest, DetachOfAContainerIsThatOfAllItsDisks) {
  attachments_.attached = {mounted_attachment(), mounted_attachment(), mounted_attachment()};
  attachments_.attached[1].id = "further";
  attachments_.attached[1].device = "/dev/nbd8";
  attachments_.attached[1].image = kDisk;
  attachments_.attached[2].id = "other";
  attachments_.attached[2].device = "/dev/nbd9";
  attachments_.attached[2].image = "/vz/private/102/root.hdd/DiskDescriptor.xml";
  attachments_.attached[2].ctid = "102";
  for (const bool by_path : {false, true}) {
    if (by_path) attachments_.attached[1].ctid.reset();
    for (const char* name : {"101", "web"}) {
      attachments_.calls.clear();
      EXPECT_EQ(run({"detach", name}), 0) << err_.str();
      EXPECT_THAT(attachments_.calls, ElementsAre("list", "detach /dev/nbd7", "detach /dev/nbd8"));
    }
  }
}

TEST_F(ContainerCommandTest, DetachOfANameThatMeansTwoContainers) {
  attachments_.attached = {mounted_attachment()};
  files_.add("/etc/vz/conf/102.conf", "NAME=101\n");
  files_.add_link("/etc/vz/names/101", "../conf/102.conf");
  EXPECT_EQ(run({"detach", "101"}), 64);
  EXPECT_THAT(err_.str(), HasSubstr("the name of container 102"));
  EXPECT_EQ(run({"info", "101"}), 64);
}

TEST_F(ContainerCommandTest, H16_AnImageInUseIsRefusedUnlessAllowed) {
  image_uses_.container_uses = {{UseKind::running, "container 101 runs"}};
  image_uses_.disk_uses = {{UseKind::writing, "qemu (pid 7) writes"}, {UseKind::trace, "a trace"}};
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"map", "101"}, {"attach", "101"}, {"mount", "101", "/mnt"}}) {
    EXPECT_EQ(run(command), 75);
    EXPECT_THAT(err_.str(), HasSubstr("is in use: container 101 runs; qemu (pid 7) writes;"));
    EXPECT_THAT(err_.str(), HasSubstr("--live"));
  }
  EXPECT_THAT(attachments_.calls, ElementsAre());
  EXPECT_EQ(image_uses_.places.ctid, "101");
  EXPECT_EQ(run({"map", "101", "--live"}), 0);
  EXPECT_THAT(err_.str(), HasSubstr("warning: /vz/private/101/root.hdd/DiskDescriptor.xml: is in "
                                    "use: container 101 runs; qemu (pid 7) writes;"));
  EXPECT_THAT(err_.str(), HasSubstr("warning: a trace"));
}

TEST_F(ContainerCommandTest, WhatOnlyShowsAnImageInUseWarns) {
  image_uses_.disk_uses = {{UseKind::writing, "qemu (pid 7) writes"}};
  EXPECT_THAT(run_json({"info", "101"})["warnings"][0], HasSubstr("is in use: qemu (pid 7)"));
  EXPECT_THAT(run_json({"check", "101"})["warnings"][0], HasSubstr("is in use: qemu (pid 7)"));
}

TEST_F(ContainerCommandTest, OlderStatesOfARunningContainerCanBeRead) {
  files_.add("/vz/private/101/root.hdd/older.hds",
             ploop_file({.cluster_sectors = 8, .disk_sectors = 32, .bat = {0, 0, 0, 0}}));
  files_.add(
      "/vz/private/101/root.hdd/DiskDescriptor.xml",
      DescriptorText{.images = image_xml(guid('1'), "older.hds") + image_xml(kFixedTop, "root.hds"),
                     .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))}
          .str());
  image_uses_.container_uses = {{UseKind::running, "container 101 runs"}};
  EXPECT_EQ(run({"attach", "101", "-s", "1111"}), 0);
  EXPECT_THAT(err_.str(), HasSubstr("warning: container 101 runs"));
  EXPECT_EQ(run({"attach", "101", "-s", "top"}), 75);
  image_uses_.container_uses = {{UseKind::writing, "vzctl (pid 7) works on it"}};
  EXPECT_EQ(run({"attach", "101", "-s", "1111"}), 75);
}

TEST_F(ContainerCommandTest, AnImageThatCannotBeOpenedMayBeInUse) {
  files_.add("/vz/private/101/root.hdd/DiskDescriptor.xml", "<half a descri");
  EXPECT_EQ(run({"map", "101"}), 65);
  image_uses_.container_uses = {{UseKind::writing, "ploop (pid 7) merges"}};
  EXPECT_EQ(run({"map", "101"}), 75);
  EXPECT_EQ(run({"map", "101", "--live"}), 65);
}

}  // namespace
}  // namespace ploopu::testing
