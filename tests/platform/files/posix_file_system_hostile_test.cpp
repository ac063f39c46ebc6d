// SPDX-License-Identifier: GPL-2.0-or-later
// Tests bundles that try to lead ploopu to files of the host, with real links, FIFOs, sockets and
// devices.
#include <algorithm>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/disk/image.hpp"
#include "core/find/image_use.hpp"
#include "core/find/locate.hpp"
#include "platform/files/posix_file_system.hpp"
#include "platform/os/unique_fd.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/ploop_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

class HostileFilesTest : public ::testing::Test {
 protected:
  void put_descriptor(const std::string& file, const std::string& type = "Compressed") {
    dir_.write("bundle/DiskDescriptor.xml",
               DescriptorText{.images = image_xml(kFixedTop, file, type)}.str());
  }

  std::string put_delta(const std::string& name) {
    const Bytes head = ploop_head({.cluster_sectors = 8, .disk_sectors = 64, .bat = {0, 0}});
    std::string text(head.size(), '\0');
    std::transform(head.begin(), head.end(), text.begin(),
                   [](std::byte b) { return static_cast<char>(b); });
    return dir_.write(name, text);
  }

  void put_socket(const std::string& name) {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    (dir_ / name).copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  void link(const std::string& target, const std::string& name) {
    std::filesystem::create_symlink(target, dir_ / name);
  }

  Result<Image> open(const std::string& what, bool allow_outside = false) {
    PLOOPU_TRY(auto location, locate_image(HostTree(files_, "/"), what));
    location.allow_outside = allow_outside;
    return open_image(HostTree(files_, "/"), std::move(location));
  }

  void expect_refused(bool allow_outside, const std::string& words) {
    const auto image = open(dir_ / "bundle", allow_outside);
    ASSERT_FALSE(image) << words;
    EXPECT_THAT(image.error().message, HasSubstr(words));
  }

  TemporaryDirectory dir_;
  PosixFileSystem files_;
};

TEST_F(HostileFilesTest, H33_SpecialFilesAsArgument) {
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  put_socket("socket");
  for (const std::string& path :
       {dir_ / "fifo", dir_ / "socket", std::string("/dev/zero"), std::string("/dev/ptmx")}) {
    EXPECT_EQ(open(path).error().kind, ErrorKind::damaged) << path;
  }
  EXPECT_EQ(open(dir_.path()).error().kind, ErrorKind::not_found);
}

TEST_F(HostileFilesTest, H33_SpecialFilesAsFile) {
  put_descriptor("fifo");
  ASSERT_EQ(::mkfifo((dir_ / "bundle/fifo").c_str(), 0600), 0);
  std::filesystem::create_directory(dir_ / "bundle/directory");
  put_socket("bundle/socket");
  for (const bool allow_outside : {false, true}) {
    for (const char* type : {"Plain", "Compressed"}) {
      for (const std::string& name : {std::string("fifo"), std::string("socket"),
                                      std::string("directory"), std::string(".")}) {
        put_descriptor(name, type);
        expect_refused(allow_outside, "not a regular file");
      }
    }
  }
}

TEST_F(HostileFilesTest, H34_DevicesThatADescriptorNames) {
  for (const bool allow_outside : {false, true}) {
    for (const char* device : {"/dev/zero", "/dev/null", "/dev/ptmx", "/dev", "/"}) {
      put_descriptor(device, "Plain");
      expect_refused(allow_outside, "not a regular file");
    }
  }
  const std::string node = dir_ / "bundle/disk";
  if (::mknod(node.c_str(), S_IFBLK | 0600, (7 << 8) + 250) != 0) GTEST_SKIP() << "needs root";
  put_descriptor("disk", "Plain");
  expect_refused(false, "not a regular file but a block device");
  EXPECT_EQ(open(node).error().kind, ErrorKind::damaged);
}

TEST_F(HostileFilesTest, H38_FilesOfTheKernel) {
  for (const char* file : {"/proc/self/mem", "/proc/kallsyms", "/sys/kernel/uevent_seqnum"}) {
    if (!std::filesystem::exists(file)) continue;
    put_descriptor(file, "Plain");
    expect_refused(false, "outside of the image's directory");
    expect_refused(true, "is made by the kernel");
    EXPECT_FALSE(open(file)) << file;
  }
}

TEST_F(HostileFilesTest, H38_AHugeSparseFile) {
  const std::string file = dir_.write("bundle/huge", "x");
  if (::truncate(file.c_str(), INT64_MAX) != 0 && ::truncate(file.c_str(), int64_t{1} << 43) != 0) {
    FAIL() << "no file system here takes a file of 8 TiB";
  }
  put_descriptor("huge");
  expect_refused(false, "not a ploop image");
}

TEST_F(HostileFilesTest, H39_FilesOfTheHostNeedTheOption) {
  put_descriptor("/etc/passwd", "Plain");
  expect_refused(false, "refused without --allow-outside");
  const std::string outside = put_delta("outside.hds");
  for (const std::string& name : {outside, std::string("../outside.hds")}) {
    put_descriptor(name);
    expect_refused(false, "refused without --allow-outside");
    const auto image = open(dir_ / "bundle", true);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->disk.deltas()[0].name(), outside);
    EXPECT_THAT(image->warnings, ::testing::Contains(HasSubstr(outside + ": lies outside")));
  }
}

TEST_F(HostileFilesTest, H40_LinksOfProc) {
  const std::string outside = put_delta("outside.hds");
  const UniqueFd fd(::open(outside.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string magic = fmt::format("/proc/self/fd/{}", fd.get());
  put_descriptor(magic);
  link(magic, "bundle/link");
  for (const bool allow_outside : {false, true}) expect_refused(allow_outside, "a link of /proc");
  put_descriptor("link");
  expect_refused(false, "a symbolic link is in the way");
  expect_refused(true, "a link of /proc");
}

TEST_F(HostileFilesTest, H41_WaysUp) {
  put_delta("outside.hds");
  std::filesystem::create_directories(dir_ / "bundle/a");
  for (const char* name : {"../outside.hds", "a/../../outside.hds", "../../../../../etc/shadow",
                           "./a/.././../outside.hds"}) {
    put_descriptor(name);
    expect_refused(false, "refused without --allow-outside");
  }
  put_delta("bundle/inside.hds");
  put_descriptor("a/../inside.hds");
  EXPECT_TRUE(open(dir_ / "bundle"));
}

TEST_F(HostileFilesTest, H42_LinksInTheBundle) {
  put_delta("outside/x.hds");
  put_delta("bundle/inside.hds");
  link("../outside/x.hds", "bundle/file");
  link("../outside", "bundle/directory");
  link("inside.hds", "bundle/harmless");
  link("circle", "bundle/circle");
  for (const char* name : {"file", "directory/x.hds", "harmless", "circle"}) {
    put_descriptor(name);
    expect_refused(false, "a symbolic link is in the way: refused without --allow-outside");
  }
  expect_refused(true, "links that make a circle");
  put_descriptor("directory/x.hds");
  EXPECT_EQ(open(dir_ / "bundle", true)->disk.deltas()[0].name(), dir_ / "outside/x.hds");
  put_descriptor("harmless");
  const auto image = open(dir_ / "bundle", true);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->disk.deltas()[0].name(), dir_ / "bundle/inside.hds");
}

// Every path on the disk of a dead host stays below --root.
TEST_F(HostileFilesTest, H42_LinksLeadNowhereOutOfAnotherRoot) {
  put_delta("golden/base.hds");
  put_delta("old/golden/base.hds");
  dir_.write("old/bundle/DiskDescriptor.xml",
             DescriptorText{.images = image_xml(kFixedTop, "root.hds")}.str());
  link(dir_ / "golden/base.hds", "old/bundle/root.hds");
  ImageLocation location;
  location.path = dir_ / "old/bundle/DiskDescriptor.xml";
  location.is_descriptor = true;
  location.allow_outside = true;
  const HostTree tree(files_, dir_ / "old");
  EXPECT_FALSE(open_image(tree, location));
  std::filesystem::remove(dir_ / "old/bundle/root.hds");
  link("/golden/base.hds", "old/bundle/root.hds");
  const auto image = open_image(tree, location);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->disk.deltas().front().name(), dir_ / "old/golden/base.hds");
}

// If root followed a lock file that is a link, it could be made to open and lock any file.
TEST_F(HostileFilesTest, H42_LockFilesBehindLinksAreNotTouched) {
  put_delta("bundle/root.hds");
  put_descriptor("root.hds");
  const auto location = locate_image(HostTree(files_, "/"), dir_ / "bundle");
  ASSERT_TRUE(location);
  dir_.write("secret", "x");
  link("../secret", "bundle/DiskDescriptor.xml.lck");
  EXPECT_THAT(find_use_places(HostTree(files_, "/"), *location).places.flocks,
              ::testing::IsEmpty());
  std::filesystem::remove(dir_ / "bundle/DiskDescriptor.xml.lck");
  dir_.write("bundle/DiskDescriptor.xml.lck", "");
  EXPECT_THAT(find_use_places(HostTree(files_, "/"), *location).places.flocks,
              ::testing::ElementsAre(dir_ / "bundle/DiskDescriptor.xml.lck"));
}

// The range after the end of a truncated file must not be taken for a hole, which is an empty
// table.
TEST_F(HostileFilesTest, AFileThatIsCutWhileItIsOpenedHasNoHoles) {
  const std::string path = put_delta("delta");
  std::filesystem::resize_file(path, 1 << 20);
  const auto file = files_.open_image(path);
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->next_data(512 << 10), 1U << 20);
  EXPECT_EQ((*file)->next_hole(0), 4096U);
  std::filesystem::resize_file(path, 64);
  EXPECT_EQ((*file)->next_data(512 << 10), 512U << 10);
}

TEST_F(HostileFilesTest, H43_AnOpenFileStaysTheSame) {
  put_descriptor("root.hds");
  const std::string path = put_delta("bundle/root.hds");
  const auto image = open(dir_ / "bundle");
  ASSERT_TRUE(image) << image.error().message;
  std::filesystem::remove(path);
  link("/etc/passwd", "bundle/root.hds");
  Bytes out(4096, std::byte{1});
  EXPECT_EQ(image->disk.read(0, out), 0);
  EXPECT_EQ(out, Bytes(4096));
}

TEST_F(HostileFilesTest, H36_FilesOfAnotherOwnerInAUsersBundle) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  put_descriptor("root.hds");
  const std::string bundle = dir_ / "bundle";
  const std::string file = put_delta("bundle/root.hds");
  ASSERT_EQ(::chown(bundle.c_str(), 1234, 1234), 0);
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  expect_refused(false, "belongs to user 0, its image's directory to user 1234");
  expect_refused(true, "belongs to user 0");
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);  // everybody may read it
  EXPECT_TRUE(open(bundle));
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  ASSERT_EQ(::chown(file.c_str(), 1234, 1234), 0);  // belongs to the owner of the bundle
  EXPECT_TRUE(open(bundle));
  ASSERT_EQ(::chown(bundle.c_str(), 0, 0), 0);  // only root can have put the file there
  EXPECT_TRUE(open(bundle));
  ASSERT_EQ(::chown(bundle.c_str(), 1234, 1234), 0);
  const std::string outside = put_delta("outside.hds");
  ASSERT_EQ(::chmod(outside.c_str(), 0600), 0);
  put_descriptor("../outside.hds");
  expect_refused(true, "belongs to user 0");
}

TEST_F(HostileFilesTest, H37_NamesOfAnyBytes) {
  const std::string name = "a\n\x1b[31m\xff.hds";
  put_delta("bundle/" + name);
  dir_.write("bundle/DiskDescriptor.xml", "");
  const auto image = open(dir_ / ("bundle/" + name));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->disk.deltas()[0].name(), dir_ / ("bundle/" + name));
}

TEST_F(HostileFilesTest, H62_WhoMayWrite) {
  const std::string below = std::filesystem::path(dir_.write("a/b/c", "x")).parent_path();
  EXPECT_EQ(*files_.writable_by_others(below), std::vector<std::string>());  // /tmp is sticky
  ASSERT_EQ(::chmod((dir_ / "a").c_str(), 0777), 0);
  EXPECT_EQ(*files_.writable_by_others(below), std::vector<std::string>{dir_ / "a"});
  EXPECT_EQ(*files_.writable_by_others(below + "/../b"), std::vector<std::string>{dir_ / "a"});
  ASSERT_EQ(::chmod((dir_ / "a").c_str(), 01777), 0);
  EXPECT_EQ(*files_.writable_by_others(below), std::vector<std::string>());
  ASSERT_EQ(::chmod(below.c_str(), 0775), 0);  // a group is not everybody
  EXPECT_EQ(*files_.writable_by_others(below), std::vector<std::string>());
  EXPECT_TRUE(files_.writable_by_others(""));  // means "/"
}

}  // namespace
}  // namespace ploopu::testing
