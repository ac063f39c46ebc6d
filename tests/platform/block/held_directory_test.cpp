// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/held_directory.hpp"

#include <atomic>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kStranger = 12345;

// If the tests run as root, directories and links are given to a stranger. Otherwise the user who
// runs the tests is the stranger, as only root is trusted.
class HeldDirectoryTest : public ::testing::Test {
 protected:
  HeldDirectoryTest() { std::filesystem::create_directory(dir_ / "m"); }

  static bool is_root() { return ::geteuid() == 0; }
  static uid_t stranger() { return is_root() ? kStranger : ::geteuid(); }

  void give_away(const std::string& name) const {
    if (is_root()) {
      ASSERT_EQ(::lchown((dir_ / name).c_str(), kStranger, kStranger), 0);
    }
  }

  [[nodiscard]] Result<HeldDirectory> hold(const std::string& name, bool allows_any_owner = false,
                                           std::vector<uid_t> trusted = {0, ::geteuid()}) const {
    return hold_directory(dir_ / name, trusted, allows_any_owner);
  }

  [[nodiscard]] Error error(const std::string& name,
                            std::vector<uid_t> trusted = {0, ::geteuid()}) const {
    const auto held = hold(name, false, std::move(trusted));
    return held ? Error{ErrorKind::failed, "held " + held->path()} : held.error();
  }

  TemporaryDirectory dir_;
};

ino_t inode_of(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_ino;
}

ino_t inode_of(const HeldDirectory& held) {
  struct stat status = {};
  EXPECT_EQ(::fstat(held.descriptor(), &status), 0);
  return status.st_ino;
}

TEST_F(HeldDirectoryTest, StaysWhatItWasWhenItsNameIsGivenToAnother) {
  const auto held = hold("m");
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ(held->path(), dir_ / "m");
  std::filesystem::rename(dir_ / "m", dir_ / "old");
  std::filesystem::create_directory(dir_ / "m");
  EXPECT_EQ(inode_of(*held), inode_of(dir_ / "old"));
}

TEST_F(HeldDirectoryTest, HasThePathWithoutLinksAndDots) {
  std::filesystem::create_directory_symlink("m/..//./m/", dir_ / "relative");
  std::filesystem::create_directory_symlink(dir_.path(), dir_ / "absolute");
  for (const char* name : {"relative", "absolute/m", "m/.", "./m/../m//"}) {
    const auto held = hold(name);
    ASSERT_TRUE(held) << name << ": " << held.error().message;
    EXPECT_EQ(held->path(), dir_ / "m") << name;
    EXPECT_EQ(inode_of(*held), inode_of(dir_ / "m")) << name;
  }
  const auto root = hold_directory("/..", {0}, false);
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(root->path(), "/");
}

TEST_F(HeldDirectoryTest, MustBeADirectory) {
  static_cast<void>(dir_.write("file", ""));
  std::filesystem::create_directory_symlink("loop", dir_ / "loop");
  for (const char* name : {"file", "missing", "loop", "file/m"}) {
    EXPECT_EQ(error(name).kind, ErrorKind::not_found) << name << ": " << error(name).message;
  }
}

TEST_F(HeldDirectoryTest, A01_BelowADirectoryOfAnotherUserIsRefusedUnlessAllowed) {
  std::filesystem::create_directories(dir_ / "theirs/m");
  give_away("theirs");
  const auto refused = error("theirs/m", {0});
  EXPECT_EQ(refused.kind, ErrorKind::refused);
  EXPECT_THAT(refused.message, HasSubstr("belongs to user " + std::to_string(stranger())));
  EXPECT_TRUE(hold("theirs/m", true, {0}));
  EXPECT_TRUE(hold("theirs/m", false, {0, ::geteuid(), stranger()}));
}

TEST_F(HeldDirectoryTest, A01_WhereEverybodyMayWriteIsRefused) {
  std::filesystem::create_directories(dir_ / "open/m");
  ASSERT_EQ(::chmod((dir_ / "open").c_str(), 0777), 0);
  EXPECT_EQ(error("open/m").kind, ErrorKind::refused);
  ASSERT_EQ(::chmod((dir_ / "open").c_str(), 0707), 0);
  EXPECT_EQ(error("open/m").kind, ErrorKind::refused);
  ASSERT_EQ(::chmod((dir_ / "open").c_str(), 01777), 0);
  EXPECT_TRUE(hold("open/m")) << error("open/m").message;
  if (!is_root()) return;
  give_away("open/m");
  EXPECT_EQ(error("open/m").kind, ErrorKind::refused);
}

TEST_F(HeldDirectoryTest, A01_ALinkOfAnotherUserIsNeverFollowed) {
  if (!is_root()) GTEST_SKIP() << "only root can give a link to another user";
  std::filesystem::create_directory_symlink("m", dir_ / "link");
  give_away("link");
  EXPECT_EQ(error("link").kind, ErrorKind::refused);
  EXPECT_EQ(error("link", {0, kStranger}).kind, ErrorKind::refused);
  EXPECT_FALSE(hold("link", true));
}

// A stranger exchanges a directory and a link to root's directory all the time.
TEST_F(HeldDirectoryTest, A01_AnExchangeNeverLeadsElsewhere) {
  if (!is_root()) GTEST_SKIP() << "only root can give a link to another user";
  std::filesystem::create_directory(dir_ / "victim");
  std::filesystem::create_directory_symlink("victim", dir_ / "link");
  give_away("link");
  const ino_t wanted = inode_of(dir_ / "m");
  std::atomic<bool> done = false;
  std::thread swapper([&] {
    while (!done) {
      ::renameat2(AT_FDCWD, (dir_ / "m").c_str(), AT_FDCWD, (dir_ / "link").c_str(),
                  RENAME_EXCHANGE);
    }
  });
  for (int round = 0; round < 1000; ++round) {
    const auto held = hold("m", true);
    if (held) {
      EXPECT_EQ(inode_of(*held), wanted) << round;
    }
  }
  done = true;
  swapper.join();
}

}  // namespace
}  // namespace ploopu::testing
