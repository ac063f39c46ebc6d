// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/posix_scratch_file.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/overlay/served_disk.hpp"
#include "tests/support/half_of_a_buffer.hpp"
#include "tests/support/memory_scratch.hpp"
#include "tests/support/ploop_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSize = 20 << 20;

uint64_t room_of(const ScratchFile& file) {
  struct stat status = {};
  EXPECT_EQ(::fstat(file.descriptor(), &status), 0);
  return static_cast<uint64_t>(status.st_blocks) * 512;
}

TEST(ScratchFileTest, HasNoNameAndTakesRoomForWhatIsWrittenOnly) {
  const TemporaryDirectory dir;
  const auto scratch = create_scratch(dir.path(), kSize);
  ASSERT_TRUE(scratch) << scratch.error().message;
  const ScratchFile& file = *scratch->file;
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  EXPECT_EQ(file.size(), kSize);
  EXPECT_GT(scratch->free, 0U);
  EXPECT_EQ(room_of(file), 0U);
  const Bytes data = pattern(1 << 20, 1);
  ASSERT_EQ(file.write(5 << 20, data), 0);
  Bytes got(data.size());
  ASSERT_EQ(file.read(5 << 20, got), 0);
  EXPECT_EQ(got, data);
  EXPECT_GE(room_of(file), data.size());
  EXPECT_EQ(file.punch(5 << 20, data.size()), 0);
  EXPECT_LT(room_of(file), data.size());
}

TEST(ScratchFileTest, APlaceThatCannotBeUsedIsNamed) {
  const TemporaryDirectory dir;
  const std::string file = dir / "file";
  std::ofstream(file) << "x";
  for (const std::string& place : {dir / "missing", file, std::string("/proc")}) {
    const auto scratch = create_scratch(place, kSize);
    ASSERT_FALSE(scratch) << place;
    EXPECT_THAT(scratch.error().message, HasSubstr("cannot create the overlay in " + place));
    EXPECT_THAT(scratch.error().message, HasSubstr("--overlay-dir"));
  }
  EXPECT_FALSE(create_scratch(dir.path(), UINT64_MAX >> 1));  // no file can be that large
}

TEST(ScratchFileTest, AKeptOneIsForItsOwnerAndForOneProcess) {
  const TemporaryDirectory dir;
  const std::string path = dir / "overlay";
  auto first = create_kept_scratch(path, kSize);
  ASSERT_TRUE(first) << first.error().message;
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  const auto second = open_kept_scratch(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
  EXPECT_TRUE(view_kept_scratch(path));
  first->file.reset();
  EXPECT_TRUE(open_kept_scratch(path));
  std::filesystem::permissions(path, std::filesystem::perms::others_write,
                               std::filesystem::perm_options::add);
  for (const auto& open : {open_kept_scratch, view_kept_scratch}) {
    const auto opened = open(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::refused);
    EXPECT_THAT(opened.error().message, HasSubstr("everybody may write to it"));
  }
}

TEST(ScratchFileTest, AKeptOneIsARegularFile) {
  const TemporaryDirectory dir;
  const std::string path = dir / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto opened = open_kept_scratch(path);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::refused);
  EXPECT_FALSE(create_kept_scratch(path, kSize));
}

TEST(ScratchFileTest, TheRestOfAShortTransferIsAskedFor) {
  const TemporaryDirectory dir;
  const HalfOfABuffer buffer;
  const auto scratch = create_scratch(dir.path(), 1 << 20);
  ASSERT_TRUE(scratch) << scratch.error().message;
  EXPECT_EQ(scratch->file->write(0, buffer.bytes()), EFAULT);
  EXPECT_EQ(scratch->file->read(0, buffer.bytes()), EFAULT);
}

// The threads write to different sectors, whose states share words and pieces of the overlay's
// state.
TEST(ScratchFileTest, ThreadsThatWriteDoNotDisturbEachOther) {
  constexpr uint64_t kThreads = 4;
  const TemporaryDirectory dir;
  const auto scratch = create_scratch(dir.path(), kSize);
  ASSERT_TRUE(scratch) << scratch.error().message;
  PloopSpec spec{.cluster_sectors = 64, .disk_sectors = kSize / 512};
  spec.bat.resize(kSize / 512 / 64);
  const Disk disk = *Disk::assemble(chain(open_ploop(ploop_file(spec))));
  OwnStates states(kSize);
  Overlay overlay(disk, *scratch->file, states, kSize);
  const ServedDisk served(disk, &overlay);
  std::vector<std::thread> threads;
  for (uint64_t id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      for (uint64_t i = 0; i < 2000; ++i) {
        const uint64_t offset = (16 << 20) - 64 * 512 + (i % 32 * kThreads + id) * 512;
        const Bytes data = pattern(i % 3 == 0 ? 100 : 512, static_cast<uint32_t>(i + id));
        Bytes got(data.size());
        ASSERT_EQ(overlay.write(offset, data), 0);
        ASSERT_EQ(served.view().read(offset, got), 0);
        ASSERT_EQ(got, data);
        if (i % 5 == 0) {
          ASSERT_EQ(overlay.write_zeroes(offset, 512), 0);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace ploopu::testing
