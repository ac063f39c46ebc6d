// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/volume/checked_sectors.hpp"

#include <cerrno>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_file_system.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

constexpr uint32_t kClusterSectors = 2048;
constexpr uint64_t kCluster = uint64_t{kClusterSectors} * 512;
constexpr uint64_t kPartition = 2 * kCluster;

// Four clusters, of which the second is nowhere.
class CheckedSectorsTest : public ::testing::Test {
 protected:
  CheckedSectorsTest() {
    PloopSpec spec{.version = 2, .cluster_sectors = kClusterSectors, .bat = {1, 0, 2, 3}};
    spec.disk_sectors = spec.bat.size() * kClusterSectors;
    file_ = ploop_file(spec);
    for (const uint32_t cluster : {1U, 2U, 3U}) {
      file_->write(cluster * kCluster, pattern(kCluster, cluster));
    }
  }

  Disk held_disk() {
    auto disk = Disk::assemble(chain(open_ploop(file_)));
    EXPECT_TRUE(disk);
    const auto held = hold_checked_sectors(files_, layout(), *disk);
    EXPECT_TRUE(held);
    return *std::move(disk);
  }

  static DiskLayout layout() {
    DiskLayout layout;
    layout.partitions.push_back({.number = 1, .start = kPartition, .size = kCluster});
    return layout;
  }

  // Overwrites the file, as the owner of the image can do after the check.
  void overwrite_file() {
    for (const uint32_t cluster : {1U, 2U, 3U}) file_->write(cluster * kCluster, Bytes(kCluster));
  }

  static Bytes read(const Disk& disk, uint64_t offset, size_t length) {
    Bytes out(length, std::byte{0xEE});
    EXPECT_EQ(disk.read(offset, out), 0) << "at " << offset;
    return out;
  }

  FakeFileSystem files_;
  std::shared_ptr<MemoryFile> file_;
};

TEST_F(CheckedSectorsTest, A03_StayWhatTheyWere) {
  const Disk disk = held_disk();
  Bytes before(disk.size());
  ASSERT_EQ(disk.read(0, before), 0);
  overwrite_file();
  const auto expect_held = [&](uint64_t start, size_t length) {
    const auto first = before.begin() + static_cast<ptrdiff_t>(start);
    EXPECT_EQ(read(disk, start, length), Bytes(first, first + static_cast<ptrdiff_t>(length)))
        << "at " << start;
  };
  expect_held(0, 64 * 1024);                      // the partition table
  expect_held(disk.size() - 34 * 512, 34 * 512);  // the copy of a GPT
  expect_held(kPartition + 1024, 1024);           // an ext superblock
  EXPECT_EQ(read(disk, kPartition + 4096, 4096), Bytes(4096)) << "all else is the file's";
  EXPECT_EQ(read(disk, 64 * 1024, 4096), Bytes(4096));
}

TEST_F(CheckedSectorsTest, AreExtentsOfAFileOfTheirOwn) {
  const Disk disk = held_disk();
  ASSERT_EQ(disk.files().size(), 2U);
  uint64_t held = 0;
  for (uint64_t at = 0; at < disk.size();) {
    const Extent extent = disk.extent_at(at, UINT64_MAX);
    ASSERT_GT(extent.length, 0U) << "at " << at;
    if (extent.kind == ExtentKind::data && extent.file == 1) held += extent.length;
    at += extent.length;
  }
  EXPECT_EQ(held, 2 * 64 * 1024U + 4096);
  EXPECT_EQ(disk.extent_at(4096, UINT64_MAX).length, 60 * 1024U) << "to the end of what is held";
}

TEST_F(CheckedSectorsTest, ThatCanNotBeReadStayUnreadable) {
  file_->fail_at(2 * kCluster, EIO);
  const Disk disk = held_disk();
  Bytes out(512);
  EXPECT_EQ(disk.read(kPartition, out), EIO);
  EXPECT_EQ(disk.read(0, out), 0);
}

TEST_F(CheckedSectorsTest, ThatAreInNoFileNeedNoMemory) {
  PloopSpec spec{.version = 2, .cluster_sectors = kClusterSectors, .bat = {0, 0, 0, 0}};
  spec.disk_sectors = spec.bat.size() * kClusterSectors;
  file_ = ploop_file(spec);
  const Disk disk = held_disk();
  EXPECT_EQ(disk.files().size(), 1U);
  EXPECT_EQ(disk.extent_at(0, UINT64_MAX).length, disk.size());
}

TEST_F(CheckedSectorsTest, PartitionsLieInsideOfTheDisk) {
  const Disk disk = held_disk();
  const uint64_t size = disk.size();
  EXPECT_TRUE(check_layout(layout(), disk));
  for (const auto& [start, length] : {std::pair{size, uint64_t{1}},
                                      {size + 512, uint64_t{0}},
                                      {uint64_t{512}, size},
                                      {uint64_t{512}, UINT64_MAX},
                                      {UINT64_MAX, uint64_t{1024}}}) {
    DiskLayout other;
    other.partitions.push_back({.number = 1, .start = start, .size = length});
    EXPECT_FALSE(check_layout(other, disk)) << start << " " << length;
  }
}

TEST(CheckedLayout, MustBeTheSame) {
  DiskLayout before;
  before.partitions.push_back({.number = 1, .start = 512, .size = 1024});
  DiskLayout now = before;
  EXPECT_TRUE(check_same_layout(before, now, "image"));
  now.partitions.front().size = 2048;
  EXPECT_EQ(check_same_layout(before, now, "image").error().kind, ErrorKind::busy);
  now.partitions.clear();
  EXPECT_FALSE(check_same_layout(before, now, "image"));
}

}  // namespace
}  // namespace ploopu::testing
