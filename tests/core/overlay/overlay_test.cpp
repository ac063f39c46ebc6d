// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/overlay/overlay.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "core/overlay/served_disk.hpp"
#include "tests/support/memory_scratch.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

constexpr uint64_t kCluster = 64 * 512;
constexpr uint64_t kClusters = 1300;  // more than two of the overlay's pieces of 16 MiB
constexpr uint64_t kSize = kClusters * kCluster;

// Every other cluster holds data.
Disk make_disk() {
  PloopSpec spec{.cluster_sectors = 64, .disk_sectors = kSize / 512};
  spec.bat.resize(kClusters);
  for (uint32_t i = 0; i < kClusters; i += 2) spec.bat[i] = 1 + i / 2;
  auto file = ploop_file(spec);
  for (uint32_t i = 0; i < kClusters; i += 2) {
    file->write((1 + i / 2) * kCluster, pattern(kCluster, i));
  }
  return *Disk::assemble(chain(open_ploop(file)));
}

class OverlayTest : public ::testing::Test {
 protected:
  Bytes read(uint64_t offset, uint64_t length) const {
    Bytes out(length, std::byte{0xEE});
    EXPECT_EQ(served_.view().read(offset, out), 0) << offset << " " << length;
    return out;
  }

  Disk disk_ = make_disk();
  MemoryScratch scratch_{kSize};
  OwnStates states_{kSize};
  Overlay overlay_{disk_, scratch_, states_, kSize};
  ServedDisk served_{disk_, &overlay_};
};

TEST_F(OverlayTest, ReadsItsWritesAndTheDiskAroundThem) {
  const Bytes before = read(0, 2 * kCluster);
  const Bytes data = pattern(1000, 99);
  ASSERT_EQ(overlay_.write(700, data), 0);
  Bytes expected = before;
  std::copy(data.begin(), data.end(), expected.begin() + 700);
  EXPECT_EQ(read(0, 2 * kCluster), expected);
  EXPECT_EQ(overlay_.used(), 3 * 512U);
}

TEST_F(OverlayTest, ZeroesHideTheDiskAndGiveRoomBack) {
  ASSERT_EQ(overlay_.write(0, pattern(4096, 1)), 0);
  ASSERT_EQ(overlay_.write_zeroes(512, 3072), 0);
  EXPECT_EQ(read(512, 3072), Bytes(3072));
  EXPECT_EQ(overlay_.used(), 2 * 512U);
  Bytes stored(3072);
  ASSERT_EQ(scratch_.read(512, stored), 0);
  EXPECT_EQ(stored, Bytes(3072, std::byte{0xDD})) << "a hole of the scratch file";
  ASSERT_EQ(overlay_.write_zeroes(0, kSize), 0);
  EXPECT_EQ(read(0, kSize), Bytes(kSize));
  EXPECT_EQ(overlay_.used(), 0U);
}

// A file of zeros that calls `on_read` when it is read for the first time.
class WatchedFile final : public ImageFile {
 public:
  mutable std::function<void()> on_read;

  [[nodiscard]] uint64_t size() const override { return kSize; }
  [[nodiscard]] FileIdentity identity() const override { return {1, 1}; }
  [[nodiscard]] int descriptor() const override { return -1; }
  [[nodiscard]] uint64_t next_data(uint64_t offset) const override { return offset; }
  [[nodiscard]] uint64_t next_hole(uint64_t /*offset*/) const override { return kSize; }
  void prefetch(uint64_t /*offset*/, uint64_t /*length*/) const override {}
  [[nodiscard]] int read(uint64_t /*offset*/, std::span<std::byte> out) const override {
    std::fill(out.begin(), out.end(), std::byte{0});
    if (const auto call = std::exchange(on_read, nullptr)) call();
    return 0;
  }
};

// The second write begins when the first one has read the sector, and waits for it. Otherwise the
// first one would write back what it has read.
TEST_F(OverlayTest, WritesToPartsOfASectorTakeTurns) {
  const auto file = std::make_shared<WatchedFile>();
  const Disk disk = *Disk::assemble(chain(open_raw(file, 64)));
  Overlay overlay(disk, scratch_, states_, kSize);
  std::future<int> second;
  file->on_read = [&] {
    second = std::async(std::launch::async, [&] { return overlay.write(256, pattern(256, 2)); });
    second.wait_for(std::chrono::milliseconds(100));
  };
  ASSERT_EQ(overlay.write(0, pattern(256, 1)), 0);
  ASSERT_EQ(second.get(), 0);
  Bytes expected = pattern(256, 1);
  const Bytes end = pattern(256, 2);
  expected.insert(expected.end(), end.begin(), end.end());
  Bytes got(512);
  ASSERT_EQ(ServedDisk(disk, &overlay).view().read(0, got), 0);
  EXPECT_EQ(got, expected);
}

TEST_F(OverlayTest, WhatIsOutsideOfTheDiskIsInvalid) {
  EXPECT_EQ(overlay_.write(kSize - 511, Bytes(512)), EINVAL);
  EXPECT_EQ(overlay_.write(UINT64_MAX, Bytes(512)), EINVAL);
  EXPECT_EQ(overlay_.write_zeroes(kSize, 1), EINVAL);
  EXPECT_EQ(overlay_.write_zeroes(1, UINT64_MAX), EINVAL);
  Bytes out(2);
  EXPECT_EQ(served_.view().read(kSize - 1, out), EINVAL);
  EXPECT_EQ(overlay_.write(kSize, {}), 0);
}

// docs/CASES.md#r17, docs/KERNEL.md#device-mapper-full-snapshots: unlike a dm-snapshot, a full
// overlay loses nothing.
TEST_F(OverlayTest, R17_AFullScratchFailsTheWriterAndNobodyElse) {
  OwnStates states(kSize);
  Overlay small(disk_, scratch_, states, 4096);
  const ServedDisk served(disk_, &small);
  const Bytes data = pattern(4096, 5);
  ASSERT_EQ(small.write(8192, data), 0);
  Bytes before(3 * kCluster);
  ASSERT_EQ(served.view().read(0, before), 0);
  EXPECT_EQ(small.write(65536, Bytes(512)), ENOSPC);
  EXPECT_EQ(small.write(8192 + 512, Bytes(4096)), ENOSPC);  // exceeds the limit by one sector
  Bytes after(3 * kCluster);
  ASSERT_EQ(served.view().read(0, after), 0);
  EXPECT_EQ(after, before);
  // Sectors that are in the overlay may change, and sectors that are zeroed make room for others.
  EXPECT_EQ(small.write(8192, pattern(4096, 6)), 0);
  EXPECT_EQ(small.write_zeroes(8192, 512), 0);
  EXPECT_EQ(small.write(65536, Bytes(512)), 0);
}

TEST_F(OverlayTest, R17_AFileSystemThatIsFullLeavesTheOldData) {
  const Bytes before = read(0, kCluster);
  scratch_.error = ENOSPC;
  EXPECT_EQ(overlay_.write(0, Bytes(kCluster)), ENOSPC);
  EXPECT_EQ(overlay_.write(100, Bytes(10)), ENOSPC);
  EXPECT_EQ(read(0, kCluster), before);
  EXPECT_EQ(overlay_.used(), 0U);
  scratch_.error = 0;
  EXPECT_EQ(overlay_.write(0, Bytes(kCluster)), 0);
  EXPECT_EQ(read(0, kCluster), Bytes(kCluster));
}

// A part of a sector can't be written where the rest of it can't be read.
TEST(Overlay, APartOfASectorThatCannotBeReadIsAnError) {
  auto file = ploop_file({.cluster_sectors = 8, .disk_sectors = 16, .bat = {1, 99}});
  file->write(4096, pattern(4096, 1));
  const Disk disk = *Disk::assemble(chain(open_ploop(file)));
  const MemoryScratch scratch(disk.size());
  OwnStates states(disk.size());
  Overlay overlay(disk, scratch, states, disk.size());
  const ServedDisk served(disk, &overlay);
  EXPECT_EQ(overlay.write(4096, Bytes(100)), EIO);
  // Whole sectors mend it.
  EXPECT_EQ(overlay.write(4096, Bytes(512)), 0);
  Bytes out(512);
  EXPECT_EQ(served.view().read(4096, out), 0);
  EXPECT_EQ(served.view().read(4608, out), EIO);
}

// Offsets and lengths that often meet the edges of sectors, words of bits and pieces.
struct RandomRange {
  uint64_t offset;
  uint64_t length;
};
RandomRange random_range(std::mt19937& random) {
  const auto up_to = [&](uint64_t most) {
    return std::uniform_int_distribution<uint64_t>(0, most)(random);
  };
  const uint64_t unit = std::array<uint64_t, 5>{1, 512, 4096, 32768, 16 << 20}[up_to(4)];
  const uint64_t offset = std::min(kSize, up_to(kSize / unit) * unit + up_to(3) / 3 * up_to(600));
  const uint64_t longest =
      std::array<uint64_t, 4>{700, 5000, 300000, kSize}[up_to(63) < 63 ? up_to(2) : 3];
  uint64_t length = up_to(std::min(longest, kSize - offset));
  if (up_to(2) > 0) length = length / 512 * 512;
  return {offset, length};
}

// Against plain memory. PLOOPU_SEED=N repeats one run.
TEST_F(OverlayTest, BehavesLikePlainMemory) {
  const char* seed = std::getenv("PLOOPU_SEED");
  std::mt19937 random(seed == nullptr ? 1 : static_cast<uint32_t>(std::stoul(seed)));
  Bytes model = read(0, kSize);
  for (int step = 0; step < 4000; ++step) {
    const auto [offset, length] = random_range(random);
    const auto at = model.begin() + static_cast<ptrdiff_t>(offset);
    switch (random() % 4) {
      case 0: {
        const Bytes data = pattern(length, static_cast<uint32_t>(random()));
        ASSERT_EQ(overlay_.write(offset, data), 0);
        std::copy(data.begin(), data.end(), at);
        break;
      }
      case 1:
        ASSERT_EQ(overlay_.write_zeroes(offset, length), 0);
        std::fill_n(at, length, std::byte{0});
        break;
      default: {
        const Bytes got = read(offset, length);
        ASSERT_TRUE(std::equal(got.begin(), got.end(), at)) << "step " << step;
      }
    }
  }
  EXPECT_EQ(read(0, kSize), model);
}

TEST_F(OverlayTest, R17_WhatFoundNoRoomIsKnownToAllThatServe) {
  ServiceState state;
  Overlay small(disk_, scratch_, states_, 4096);
  const ServedDisk served = ServedDisk(disk_, &small, &state);
  ASSERT_EQ(served.write(0, pattern(4096, 1)), 0);
  EXPECT_FALSE(state.had_no_room);
  EXPECT_EQ(served.write(8192, pattern(4096, 1)), ENOSPC);
  EXPECT_TRUE(state.had_no_room);
}

}  // namespace
}  // namespace ploopu::testing
