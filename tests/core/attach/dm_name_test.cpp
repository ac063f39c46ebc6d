// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/attach/dm_name.hpp"

#include <gtest/gtest.h>

namespace ploopu::testing {
namespace {

std::string by_path(const std::string& path) { return dm_name(path, std::nullopt, std::nullopt); }

TEST(DmName, OfAContainerAndItsSnapshots) {
  const std::string path = "/vz/private/101/root.hdd/DiskDescriptor.xml";
  EXPECT_EQ(dm_name(path, "101", std::nullopt), "ploopu-101");
  EXPECT_EQ(dm_name(path, "101", "{5fbaabe3-6958-40ff-92a7-860e329aab41}"), "ploopu-101-5fbaabe3");
}

TEST(DmName, OfAPath) {
  EXPECT_EQ(by_path("/backup/101/root.hdd/DiskDescriptor.xml"), "ploopu-101");
  EXPECT_EQ(by_path("/backup/101/root.hdd/root.hds"), "ploopu-101");
  EXPECT_EQ(by_path("/backup/data.hdd/DiskDescriptor.xml"), "ploopu-data");
  EXPECT_EQ(by_path("/backup/image/DiskDescriptor.xml"), "ploopu-image");
  EXPECT_EQ(by_path("/backup/web.old.hds"), "ploopu-web.old");
}

TEST(DmName, IsShortAndNeedsNoQuoting) {
  EXPECT_EQ(by_path("/x/a b/c;\xff$(d)'\n.hds"), "ploopu-cd");
  EXPECT_EQ(by_path("/x/\xc3\xa4.hds"), "ploopu-image");
  EXPECT_EQ(by_path("/DiskDescriptor.xml"), "ploopu-image");
  const std::string guid = "{5fbaabe3-6958-40ff-92a7-860e329aab41}";
  EXPECT_LE(dm_name("/x/" + std::string(200, 'x'), std::nullopt, guid).size(), 100U);
}

TEST(DmName, AnotherDiskOrItsPartitionsMayHaveTheName) {
  EXPECT_EQ(dm_partition_name("ploopu-101", 12), "ploopu-101p12");
  EXPECT_TRUE(is_dm_name_taken_by("ploopu-101", "ploopu-101"));
  EXPECT_TRUE(is_dm_name_taken_by("ploopu-101", "ploopu-101p1"));
  EXPECT_FALSE(is_dm_name_taken_by("ploopu-101", "ploopu-1012"));
  EXPECT_FALSE(is_dm_name_taken_by("ploopu-101", "ploopu-101p"));
  EXPECT_FALSE(is_dm_name_taken_by("ploopu-101", "ploopu-101px"));
}

}  // namespace
}  // namespace ploopu::testing
