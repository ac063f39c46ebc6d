// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the search for images with real symbolic links, of which the disk of a dead host has many.
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/find/locate.hpp"
#include "platform/files/posix_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

class LocateTest : public ::testing::Test {
 protected:
  void link(const std::string& target, const std::string& name) {
    std::filesystem::create_directories(std::filesystem::path(dir_ / name).parent_path());
    std::filesystem::create_symlink(target, dir_ / name);
  }

  Result<ImageLocation> locate_under_old() {
    return locate_image(HostTree(files_, dir_ / "old"), "101");
  }

  TemporaryDirectory dir_;
  PosixFileSystem files_;
};

TEST_F(LocateTest, LinksOfADeadHostStayOnItsDisk) {
  dir_.write("old/etc/vz/conf/101.conf", "VE_PRIVATE=/vz/private/$VEID\n");
  dir_.write("old/data/DiskDescriptor.xml", "<x/>");
  dir_.write("data/DiskDescriptor.xml", "<of this host/>");
  // The link means /data of the dead host; this host has another directory of that name.
  link("/data", "old/vz/private/101/root.hdd");
  auto location = locate_under_old();
  ASSERT_TRUE(location) << location.error().message;
  EXPECT_EQ(location->path, dir_ / "old/data/DiskDescriptor.xml");

  std::filesystem::remove(dir_ / "old/vz/private/101/root.hdd");
  link(dir_ / "data/DiskDescriptor.xml", "old/vz/private/101/root.hdd/DiskDescriptor.xml");
  location = locate_under_old();
  ASSERT_FALSE(location) << location->path;
  EXPECT_EQ(location.error().kind, ErrorKind::not_found);
}

TEST_F(LocateTest, Row58_NamesUnderAnotherRoot) {
  const std::string descriptor =
      dir_.write("old/vz/private/102/root.hdd/DiskDescriptor.xml", "<x/>");
  dir_.write("old/vz/private/102/ve.conf", "VEID=102\nNAME=web\n");
  link("/vz/private/102/ve.conf", "old/etc/vz/conf/102.conf");
  link("/vz/private/102/ve.conf", "old/etc/vz/names/web");
  const auto location = locate_image(HostTree(files_, dir_ / "old"), "web");
  ASSERT_TRUE(location) << location.error().message;
  EXPECT_EQ(location->path, descriptor);
  EXPECT_EQ(location->ctid, "102");
  EXPECT_EQ(files_.read_link(dir_ / "old", "/etc/vz/names/web").value(), "/vz/private/102/ve.conf");
  EXPECT_EQ(files_.read_link(dir_ / "old", "/vz/private/102/ve.conf").value(), std::nullopt);
  EXPECT_EQ(files_.read_link(dir_ / "old", "/etc/vz/names/nobody").value(), std::nullopt);
}

TEST_F(LocateTest, H67_ANameThatLeadsOutOfTheTreeFindsNothingThere) {
  dir_.write("conf/101.conf", "NAME=evil\n");
  link(dir_ / "conf/101.conf", "old/etc/vz/names/evil");
  link("../../../../../../../../../.." + (dir_ / "conf/101.conf"), "old/etc/vz/names/climbs");
  for (const char* name : {"evil", "climbs"}) {
    const auto location = locate_image(HostTree(files_, dir_ / "old"), name);
    ASSERT_FALSE(location);
    EXPECT_EQ(location.error().kind, ErrorKind::not_found);
  }
}

TEST_F(LocateTest, H68_AConfigurationThatIsAFifoIsNotWaitedFor) {
  std::filesystem::create_directories(dir_ / "old/etc/vz/conf");
  ASSERT_EQ(::mkfifo((dir_ / "old/etc/vz/conf/101.conf").c_str(), 0600), 0);
  const auto location = locate_under_old();
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().kind, ErrorKind::damaged);
  EXPECT_NE(location.error().message.find("not a regular file"), std::string::npos);
}

TEST_F(LocateTest, Row46_ADescriptorBehindALinkOfAnotherName) {
  dir_.write("store/101.xml", "<x/>");
  link("store/101.xml", "DiskDescriptor.xml");
  const auto location = locate_image(HostTree(files_, "/"), dir_ / "DiskDescriptor.xml");
  ASSERT_TRUE(location);
  EXPECT_EQ(location->path, dir_ / "store/101.xml");
  EXPECT_TRUE(location->is_descriptor);
  EXPECT_TRUE(locate_image(HostTree(files_, "/"), dir_.path())->is_descriptor);
}

}  // namespace
}  // namespace ploopu::testing
