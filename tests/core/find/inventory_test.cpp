// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/find/inventory.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/descriptors.hpp"
#include "tests/support/fake_file_system.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kUuid[] = "6a1b0000-1111-2222-3333-444455556666";

class InventoryTest : public ::testing::Test {
 protected:
  // A disk of 8 clusters of 4 KiB with two of them allocated.
  void add_disk(const std::string& area, const std::string& root = "", uint32_t in_use = 0) {
    auto file = ploop_file({.cluster_sectors = 8,
                            .disk_sectors = 64,
                            .bat = {1, 2, 0, 0, 0, 0, 0, 0},
                            .in_use = in_use});
    file->set_size(3 * 4096);
    files_.add(root + area + "/root.hdd/root.hds", file);
    files_.add(root + area + "/root.hdd/DiskDescriptor.xml", DescriptorText{}.str());
  }

  void add_config(const std::string& ctid, const std::string& text = "X=1\n") {
    files_.add("/etc/vz/conf/" + ctid + ".conf", text);
  }

  std::vector<std::string> ctids(const std::string& root = "/") {
    inventory_ = take_inventory(HostTree(files_, root));
    std::vector<std::string> found;
    for (const auto& container : inventory_.containers) found.push_back(container.ctid);
    std::sort(found.begin(), found.end());
    return found;
  }

  Container container(const std::string& ctid, const std::string& root = "/") {
    inventory_ = take_inventory(HostTree(files_, root));
    for (const auto& found : inventory_.containers) {
      if (found.ctid == ctid) return found;
    }
    ADD_FAILURE() << "no container " << ctid;
    return {};
  }

  void expect_damaged(const std::string& words) {
    const Container found = container("101");
    EXPECT_THAT(found.error, HasSubstr(words));
    EXPECT_FALSE(found.disk);
    EXPECT_EQ(container("102").error, "");  // the others follow
  }

  FakeFileSystem files_;
  Inventory inventory_;
};

TEST_F(InventoryTest, WhatIsKnownOfAContainer) {
  add_config("101", "NAME=\"web\"\nVE_PRIVATE=/data/$VEID\n");
  add_disk("/data/101", "", 0x746F6E59);
  const Container found = container("101");
  EXPECT_EQ(found.name, "web");
  EXPECT_EQ(found.layout, Layout::ploop);
  EXPECT_EQ(found.path, "/data/101/root.hdd/DiskDescriptor.xml");
  ASSERT_TRUE(found.disk);
  EXPECT_EQ(found.disk->virtual_size, 64U * 512);
  EXPECT_EQ(found.disk->cluster_size, 4096U);
  EXPECT_EQ(found.disk->clusters_allocated, 2U);
  EXPECT_TRUE(found.disk->in_use);
  EXPECT_EQ(found.snapshots, 0U);
  EXPECT_EQ(found.error, "");
  EXPECT_THAT(inventory_.warnings, IsEmpty());
}

TEST_F(InventoryTest, Row59_OnlyConfigurationsOfContainersCount) {
  for (const std::string name : {"101.conf",
                                 "2147483644.conf",
                                 "6a1b0000-1111-2222-3333-444455556666.conf",
                                 "0.conf",
                                 "102.conf.destroyed",
                                 "103.conf-sample",
                                 "ve-basic.conf-sample",
                                 "104.mount",
                                 "105.umount",
                                 "106.start",
                                 "107.stop",
                                 "108.conf~",
                                 "109.conf.bak",
                                 ".conf",
                                 "0110.conf",
                                 "2147483645.conf",
                                 "{6a1b0000-1111-2222-3333-444455556666}.conf",
                                 "6a1b0000111122223333444455556666.conf",
                                 "112",
                                 "web.conf",
                                 "-1.conf",
                                 "113.CONF"}) {
    files_.add("/etc/vz/conf/" + name, "X=1\n");
  }
  EXPECT_THAT(ctids(), ElementsAre("101", "2147483644", kUuid));
}

TEST_F(InventoryTest, AreasWithoutConfiguration) {
  files_.add("/etc/vz/vz.conf", "VE_PRIVATE=/data/${VEID}/private/\n");
  add_config("101");
  add_disk("/data/101/private");
  add_disk("/data/102/private");
  add_disk("/vz/private/103");
  add_disk(std::string("/var/lib/vz/private/") + kUuid);
  files_.add("/data/104/other", "");  // not a private area
  files_.add("/vz/private/105", "a file");
  files_.add_directory("/vz/private/106.tmp");
  EXPECT_THAT(ctids(), ElementsAre("101", "102", "103", kUuid));
  for (const auto& found : inventory_.containers) {
    EXPECT_TRUE(found.disk) << found.ctid << ": " << found.error;
    EXPECT_EQ(found.error, "");
  }
  EXPECT_EQ(container("103").path, "/vz/private/103/root.hdd/DiskDescriptor.xml");
}

TEST_F(InventoryTest, OnlyAbsoluteAreasAreSearched) {
  files_.add("vz/101/etc/passwd", "");
  for (const char* area : {"vz/$VEID", "/$VEID", "/vz/ct$VEID", "/vz/$VEIDX", "/vz", "$VEID"}) {
    files_.add("/etc/vz/vz.conf", std::string("VE_PRIVATE=") + area + "\n");
    EXPECT_THAT(ctids(), IsEmpty()) << area;
  }
}

TEST_F(InventoryTest, UnderAnotherRoot) {
  add_config("101");
  files_.add("/old/etc/vz/conf/201.conf", "X=1\n");
  add_disk("/vz/private/201", "/old");
  add_disk("/vz/private/202", "/old");
  EXPECT_THAT(ctids("/old"), ElementsAre("201", "202"));
  EXPECT_EQ(container("201", "/old").path, "/old/vz/private/201/root.hdd/DiskDescriptor.xml");
  EXPECT_TRUE(container("202", "/old").disk);
}

TEST_F(InventoryTest, CountsSnapshotsBesideTheLiveState) {
  add_config("101");
  add_disk("/vz/private/101");
  files_.add(
      "/vz/private/101/root.hdd/DiskDescriptor.xml",
      DescriptorText{.images = image_xml(guid('1'), "older.hds") + image_xml(kFixedTop, "root.hds"),
                     .shots = shot_xml(guid('1'), kNull) + shot_xml(guid('2'), guid('1')) +
                              shot_xml(kFixedTop, guid('1'))}
          .str());
  const Container found = container("101");
  EXPECT_EQ(found.snapshots, 2U);
  EXPECT_THAT(found.error, HasSubstr("older.hds"));  // the missing delta
  EXPECT_EQ(found.layout, Layout::ploop);
  EXPECT_FALSE(found.disk);
}

TEST_F(InventoryTest, OtherLayouts) {
  add_config("101");
  files_.add("/vz/private/101/etc/passwd", "");
  add_config("102");
  files_.add("/vz/private/102/fs/etc/passwd", "");
  add_config("103");
  files_.add("/vz/private/103/root.hdd", "QFI\xfb and so on");
  files_.add("/vz/private/104/etc/passwd", "");
  EXPECT_EQ(container("101").layout, Layout::simfs);
  EXPECT_EQ(container("101").path, "/vz/private/101");
  EXPECT_EQ(container("101").error, "");
  EXPECT_EQ(container("102").path, "/vz/private/102/fs");
  EXPECT_EQ(container("103").layout, Layout::qcow2);
  EXPECT_EQ(container("103").path, "/vz/private/103/root.hdd");
  EXPECT_THAT(container("103").error, HasSubstr("qemu-nbd"));
  EXPECT_EQ(container("104").layout, Layout::simfs);
}

TEST_F(InventoryTest, DamagedContainersAreRows) {
  add_config("102");
  add_disk("/vz/private/102");
  add_config("101");
  expect_damaged("101");  // neither area exists
  add_config("101", "VE_PRIVATE=/data/gone\n");
  expect_damaged("/data/gone does not exist");
  add_config("101", "VE_PRIVATE=\"/data");
  expect_damaged("101.conf: line 1");
  add_config("101");
  files_.add_directory("/vz/private/101");
  expect_damaged("there is no DiskDescriptor.xml");
  EXPECT_EQ(container("101").path, "/vz/private/101");
  EXPECT_EQ(container("101").layout, Layout::unknown);
  add_disk("/vz/private/101");
  files_.forbid("/vz/private/101/root.hdd/root.hds");
  expect_damaged("root.hds: Permission denied");
  EXPECT_EQ(container("101").snapshots, 0U);
  files_.add("/vz/private/101/root.hdd/DiskDescriptor.xml", "<nothing");
  expect_damaged("DiskDescriptor.xml");
  EXPECT_EQ(container("101").layout, Layout::ploop);
}

TEST_F(InventoryTest, LostClustersAreTheReason) {
  add_config("101");
  add_disk("/vz/private/101");
  auto cut =
      ploop_file({.cluster_sectors = 8, .disk_sectors = 64, .bat = {9, 0, 0, 0, 0, 0, 0, 0}});
  files_.add("/vz/private/101/root.hdd/root.hds", cut);
  const Container found = container("101");
  EXPECT_TRUE(found.disk);
  EXPECT_THAT(found.error, HasSubstr("root.hds: 1 of 1 clusters are incomplete in the file"));
}

TEST_F(InventoryTest, ContainersOfOneNameSaySo) {
  for (const char* ctid : {"101", "102", "103"}) {
    add_config(ctid, "NAME=web\n");
    add_disk(std::string("/vz/private/") + ctid);
  }
  add_config("103", "NAME=mail\n");
  EXPECT_THAT(container("101").error, HasSubstr("NAME is 'web'"));
  EXPECT_THAT(container("101").error, HasSubstr("container 102"));
  EXPECT_THAT(container("102").error, HasSubstr("container 101"));
  EXPECT_EQ(container("103").error, "");
}

TEST_F(InventoryTest, WhatCannotBeSearchedIsAWarning) {
  files_.add("/etc/vz/vz.conf", "VE_PRIVATE=\"/data");
  add_disk("/vz/private/101");
  EXPECT_THAT(ctids(), ElementsAre("101"));
  EXPECT_THAT(inventory_.warnings, ElementsAre(HasSubstr("vz.conf: line 1")));
}

TEST_F(InventoryTest, AContainerForWhichMemoryRunsOutIsARow) {
  for (const std::string ctid : {"101", "102"}) {
    add_config(ctid);
    add_disk("/vz/private/" + ctid);
  }
  files_.on_read = [](const std::string& path) {
    if (path.starts_with("/vz/private/101/")) throw std::bad_alloc();
  };
  const auto inventory = take_inventory(HostTree(files_, "/"));
  ASSERT_EQ(inventory.containers.size(), 2U);
  EXPECT_EQ(inventory.containers[0].error, "std::bad_alloc");
  EXPECT_EQ(inventory.containers[1].error, "");
}

}  // namespace
}  // namespace ploopu::testing
