// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/device_users.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/block/ploopu_mounts.hpp"
#include "tests/support/holding_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DeviceUsers, AreNamedInARefusal) {
  EXPECT_TRUE(check_unused("/dev/loop3", {}));
  const auto refused =
      check_unused("/dev/loop3", {{"mounted on /mnt"}, {"dd (pid 812) has it open", true}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::busy);
  EXPECT_EQ(refused.error().message,
            "/dev/loop3: in use: mounted on /mnt, dd (pid 812) has it open");
}

TEST(DeviceUsers, AProcessThatHasTheFileOpen) {
  const TemporaryDirectory dir;
  DeviceUserQuery query;
  query.device = dir.write("disk", "content");
  query.is_file = true;
  EXPECT_THAT(find_device_users(query), IsEmpty());
  EXPECT_TRUE(check_unused(query));
  const HoldingProcess process([&] { return ::open(query.device.c_str(), O_RDONLY) >= 0; });
  ASSERT_TRUE(process.is_holding());
  const auto users = find_device_users(query);
  ASSERT_EQ(users.size(), 1U);
  EXPECT_THAT(users[0].description, HasSubstr(process.id() + " has it open"));
  EXPECT_TRUE(users[0].may_be_brief);
  const auto refused = check_unused(query);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr(process.id()));
  // The server of the device doesn't count.
  const std::string id = process.id();
  query.server_pid = std::stoi(id.substr(5));
  EXPECT_THAT(find_device_users(query), IsEmpty());
}

// A file counts for a mount only if it is on the file system that is mounted there.
TEST(DeviceUsers, OfAMountAreFoundByItsFileSystem) {
  const TemporaryDirectory dir;
  dir.write("below/file", "content");
  struct stat status = {};
  ASSERT_EQ(::stat(dir.path().c_str(), &status), 0);
  EXPECT_THAT(find_mount_users(dir.path(), status.st_dev), IsEmpty());
  const HoldingProcess process([&] { return ::chdir((dir / "below").c_str()) == 0; });
  const auto users = find_mount_users(dir.path(), status.st_dev);
  ASSERT_EQ(users.size(), 1U);
  EXPECT_THAT(users[0].description, HasSubstr(process.id() + " uses " + dir.path()));
  EXPECT_THAT(find_mount_users(dir.path(), status.st_dev + 1), IsEmpty());
}

TEST(PloopuMounts, ComeInTheOrderInWhichTheyCanGo) {
  const std::vector<MountEntry> mounts = {
      {1, 0, 7, "/mnt", "", {}}, {2, 0, 7, "/else", "", {}}, {3, 1, 7, "/mnt/sub", "", {}}};
  EXPECT_THAT(directories_of(ploopu_mounts(mounts, {{"/mnt", 0}, {"/mnt/sub", 0}})),
              ElementsAre("/mnt/sub", "/mnt"));
}

TEST(PloopuMounts, AMountOnOneOfThemHinders) {
  const std::vector<MountEntry> table = {{1, 0, 7, "/nowhere/mnt", "/dev/loop7", {}},
                                         {2, 1, 8, "/nowhere/mnt/data", "/dev/sdz", {}}};
  const auto refused = unmount_all(table, {table[0]});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "/nowhere/mnt: in use: /dev/sdz is mounted on /nowhere/mnt/data");
  EXPECT_TRUE(unmount_all(table, {}));
}

}  // namespace
}  // namespace ploopu::testing
