// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the list of containers with real symbolic links.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/find/inventory.hpp"
#include "platform/files/posix_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

class InventoryLinksTest : public ::testing::Test {
 protected:
  void link(const std::string& target, const std::string& name) {
    std::filesystem::create_directories(std::filesystem::path(dir_ / name).parent_path());
    std::filesystem::create_symlink(target, dir_ / name);
  }

  Inventory take() { return take_inventory(HostTree(files_, dir_.path())); }

  TemporaryDirectory dir_;
  PosixFileSystem files_;
};

TEST_F(InventoryLinksTest, Row59_ADanglingLinkIsAContainerElsewhere) {
  link("/shared/private/101/ve.conf", "etc/vz/conf/101.conf");
  const auto inventory = take();
  ASSERT_EQ(inventory.containers.size(), 1U);
  EXPECT_EQ(inventory.containers[0].ctid, "101");
  EXPECT_THAT(inventory.containers[0].error,
              HasSubstr(dir_ / "etc/vz/conf/101.conf: is a link to a missing target"));
}

TEST_F(InventoryLinksTest, AnAreaOfTwoNamesIsListedOnce) {
  dir_.write("vz/private/101/etc/passwd", "");
  link("../../vz", "var/lib/vz");
  dir_.write("etc/vz/vz.conf", "VE_PRIVATE=/var/lib/vz/private/$VEID\n");
  const auto inventory = take();
  ASSERT_EQ(inventory.containers.size(), 1U);
  EXPECT_EQ(inventory.containers[0].path, dir_ / "vz/private/101");
}

TEST_F(InventoryLinksTest, LinksOfADeadHostStayOnItsDisk) {
  TemporaryDirectory other;
  other.write("102/etc/passwd", "");
  link(other.path(), "vz/private");
  EXPECT_TRUE(take().containers.empty());
}

}  // namespace
}  // namespace ploopu::testing
