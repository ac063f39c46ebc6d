// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/posix_file_system.hpp"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/memory_file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

class PosixFileSystemTest : public ::testing::Test {
 protected:
  void link(const std::string& target, const std::string& name) {
    std::filesystem::create_symlink(target, dir_ / name);
  }

  template <class T>
  void expect_refused(const Result<T>& result, const std::string& words) {
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr(words));
  }

  TemporaryDirectory dir_;
  PosixFileSystem files_;
};

TEST_F(PosixFileSystemTest, ResolvesLinksAndTypes) {
  dir_.write("a/file", "x");
  link("a", "b");
  EXPECT_EQ(files_.resolve("/", dir_ / "b/../a/./file")->path, dir_ / "a/file");
  EXPECT_EQ(files_.resolve("/", dir_ / "b/file")->path, dir_ / "a/file");
  EXPECT_EQ(files_.resolve("/", dir_ / "b")->type, PathType::directory);
  EXPECT_EQ(files_.resolve("/", dir_ / "none")->type, PathType::missing);
  EXPECT_EQ(files_.resolve("/", dir_ / "a/file/below")->type, PathType::missing);
  EXPECT_EQ(files_.resolve("/", "/dev/null")->type, PathType::other);
}

TEST_F(PosixFileSystemTest, LinksNeverLeadOutOfAnotherRoot) {
  dir_.write("vz/private/101/x", "x");
  link("/vz/private", "abs");
  link("../../../../../../../../etc", "up");
  EXPECT_EQ(files_.resolve(dir_.path(), "/abs/101/x")->path, dir_ / "vz/private/101/x");
  EXPECT_EQ(files_.resolve(dir_.path(), "/up/passwd")->type, PathType::missing);
  EXPECT_EQ(files_.resolve(dir_.path(), "/../../etc/passwd")->type, PathType::missing);
  EXPECT_FALSE(files_.resolve(dir_ / "nowhere", "/x"));
}

TEST_F(PosixFileSystemTest, OpensRegularFilesOnlyAndWithoutBlocking) {
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  expect_refused(files_.open_image(dir_ / "fifo"), "not a regular file");
  expect_refused(files_.open_image(dir_.path()), "not a regular file");
  expect_refused(files_.open_image("/dev/zero"), "not a regular file");
  expect_refused(files_.open_image(dir_ / "none"), "No such file");
  expect_refused(files_.read_text(dir_ / "fifo", 100), "not a regular file");
  dir_.write("file", "x");
  link("file", "link");
  // A resolved path has no links. A link on it now was put there afterwards.
  expect_refused(files_.open_image(dir_ / "link"), "the path contains a symbolic link");
}

TEST_F(PosixFileSystemTest, BeneathStaysBeneath) {
  dir_.write("bundle/sub/inside", "x");
  dir_.write("outside", "x");
  link("../outside", "bundle/link");
  link("sub", "bundle/dir");
  const auto bundle = files_.open_directory(dir_ / "bundle");
  ASSERT_TRUE(bundle);
  EXPECT_TRUE((*bundle)->open_image("sub/inside"));
  EXPECT_TRUE((*bundle)->open_image("sub/../sub/inside"));
  expect_refused((*bundle)->open_image("../outside"), "outside of the image's directory");
  expect_refused((*bundle)->open_image("sub/../../outside"), "outside");
  expect_refused((*bundle)->open_image("/etc/passwd"), "outside");
  expect_refused((*bundle)->open_image("link"), "the path contains a symbolic link");
  expect_refused((*bundle)->open_image("dir/inside"), "the path contains a symbolic link");
  expect_refused((*bundle)->read_text("../outside", 100), "outside");
}

TEST_F(PosixFileSystemTest, A04_ADirectoryIsHeldWhateverItsNameIs) {
  dir_.write("bundle/file", "ours");
  dir_.write("other/file", "another's");
  const auto bundle = files_.open_directory(dir_ / "bundle");
  ASSERT_TRUE(bundle);
  std::filesystem::rename(dir_ / "bundle", dir_ / "moved");
  std::filesystem::rename(dir_ / "other", dir_ / "bundle");
  const auto text = (*bundle)->read_text("file", 100);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->text, "ours");
  const auto file = (*bundle)->open_image("file");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->size(), 4U);
}

TEST_F(PosixFileSystemTest, ReadsExactlyWhatIsThere) {
  const std::string path = dir_.write("file", "0123456789");
  const auto file = files_.open_image(path);
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->size(), 10U);
  Bytes out(4);
  EXPECT_EQ((*file)->read(6, out), 0);
  EXPECT_EQ(out[3], std::byte{'9'});
  EXPECT_EQ((*file)->read(7, out), EIO);
  std::filesystem::resize_file(path, 5);  // truncated while it is open
  EXPECT_EQ((*file)->read(2, out), EIO);
  EXPECT_EQ((*file)->read(1, out), 0);
}

TEST_F(PosixFileSystemTest, HeldMemoryStaysAsItWas) {
  const Bytes bytes(5000, std::byte{'x'});
  const auto held = files_.hold_in_memory(bytes);
  ASSERT_TRUE(held) << held.error().message;
  Bytes out(5000);
  ASSERT_EQ((*held)->read(0, out), 0);
  EXPECT_EQ(out, bytes);
  // A process that was taken over has the descriptor.
  const int descriptor = (*held)->descriptor();
  EXPECT_EQ(::pwrite(descriptor, "y", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_NE(::ftruncate(descriptor, 0), 0);
  EXPECT_NE(::ftruncate(descriptor, 6000), 0);
}

TEST_F(PosixFileSystemTest, ListsADirectory) {
  dir_.write("bundle/b", "x");
  dir_.write("bundle/.hidden", "x");
  dir_.write("bundle/a/inside", "x");
  link("bundle", "link");
  EXPECT_EQ(*files_.list_directory(dir_ / "bundle"),
            (std::vector<std::string>{".hidden", "a", "b"}));
  EXPECT_FALSE(files_.list_directory(dir_ / "link"));
  EXPECT_FALSE(files_.list_directory(dir_ / "bundle/b"));
  EXPECT_EQ(files_.list_directory(dir_ / "missing").error().kind, ErrorKind::not_found);
}

TEST_F(PosixFileSystemTest, TextHasALimit) {
  const std::string path = dir_.write("text", std::string(5000, 'x'));
  EXPECT_EQ(files_.read_text(path, 5000)->text.size(), 5000U);
  expect_refused(files_.read_text(path, 4999), "larger than 4999");
}

TEST_F(PosixFileSystemTest, LeavesNoTraceInAtime) {
  const std::string path = dir_.write("image", "0123456789");
  const struct timespec times[2] = {{1000, 0}, {2000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  Bytes out(10);
  ASSERT_EQ((*files_.open_image(path))->read(0, out), 0);
  ASSERT_TRUE(files_.read_text(path, 100));
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_atim.tv_sec, 1000);
}

}  // namespace
}  // namespace ploopu::testing
