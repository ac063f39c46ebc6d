// SPDX-License-Identifier: GPL-2.0-or-later
// Random images and chains against a reader that is as slow and plain as it can be.
// PLOOPU_SEED=N: begin with that seed, and look at it alone. PLOOPU_SEEDS=N: look at so many.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include "core/disk/disk.hpp"
#include "tests/support/random_chain.hpp"
#include "tests/support/slow_reader.hpp"

namespace ploopu::testing {
namespace {

constexpr uint32_t kSeeds = 12000;

struct Counts {
  uint64_t disks = 0;
  uint64_t images = 0;
  uint64_t bytes = 0;       // size of all disks; extents and content of each are compared
  uint64_t unreadable = 0;  // bytes among them that are unreadable
};

void compare_extents(const Disk& disk, const Expected& expected) {
  uint64_t offset = 0;
  for (const Extent& right : expected.extents) {
    const Extent extent = disk.extent_at(offset, UINT64_MAX);
    ASSERT_EQ(extent.kind, right.kind) << "at " << offset;
    ASSERT_EQ(extent.length, right.length) << "at " << offset;
    ASSERT_EQ(extent.file, right.file) << "at " << offset;
    ASSERT_EQ(extent.file_offset, right.file_offset) << "at " << offset;
    offset += extent.length;
  }
  ASSERT_EQ(offset, disk.size());
}

void compare_read(const Disk& disk, const Expected& expected, uint64_t offset, uint64_t length) {
  Bytes out(length, std::byte{0xEE});
  const auto lost = expected.lost.begin() + static_cast<std::ptrdiff_t>(offset);
  const auto end = lost + static_cast<std::ptrdiff_t>(length);
  const bool readable = std::find(lost, end, std::byte{1}) == end;
  ASSERT_EQ(disk.read(offset, out), readable ? 0 : EIO) << length << " bytes at " << offset;
  if (!readable) return;
  const auto right = expected.content.begin() + static_cast<std::ptrdiff_t>(offset);
  const auto wrong = std::mismatch(out.begin(), out.end(), right).first;
  ASSERT_EQ(wrong, out.end()) << "byte " << offset + static_cast<uint64_t>(wrong - out.begin());
}

// Every byte once, in requests of any length, then some that begin anywhere.
void compare_content(const Disk& disk, const Expected& expected, RandomChain& random) {
  for (uint64_t offset = 0; offset < disk.size();) {
    const uint64_t longest = random.below(2) == 0 ? 3000 : disk.size();
    const uint64_t length = std::min(1 + random.below(longest), disk.size() - offset);
    ASSERT_NO_FATAL_FAILURE(compare_read(disk, expected, offset, length));
    offset += length;
  }
  for (int i = 0; i < 5; ++i) {
    const uint64_t offset = random.below(disk.size() + 1);
    const uint64_t length = random.below(std::min<uint64_t>(disk.size() - offset + 1, 20000));
    ASSERT_NO_FATAL_FAILURE(compare_read(disk, expected, offset, length));
  }
}

void compare(uint32_t seed, Counts& counts) {
  SCOPED_TRACE("PLOOPU_SEED=" + std::to_string(seed));
  RandomChain random(seed);
  std::vector<Delta> deltas;
  for (const Layer& layer : random.layers()) {
    deltas.push_back(layer.raw ? open_raw(layer.file, layer.cluster_sectors)
                               : open_ploop(layer.file));
  }
  const auto disk = Disk::assemble(std::move(deltas));
  ASSERT_TRUE(disk) << disk.error().message;
  const Expected expected = read_slowly(random.layers());
  ASSERT_EQ(disk->size(), expected.content.size());
  ASSERT_NO_FATAL_FAILURE(compare_extents(*disk, expected));
  ASSERT_NO_FATAL_FAILURE(compare_content(*disk, expected, random));
  ++counts.disks;
  counts.images += random.layers().size();
  counts.bytes += disk->size();
  counts.unreadable +=
      static_cast<uint64_t>(std::count(expected.lost.begin(), expected.lost.end(), std::byte{1}));
}

uint32_t number_from(const char* variable, uint32_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<uint32_t>(std::strtoul(text, nullptr, 10));
}

TEST(DiskRandom, AgreesWithASlowReader) {
  const uint32_t first = number_from("PLOOPU_SEED", 0);
  const uint32_t seeds =
      number_from("PLOOPU_SEEDS", std::getenv("PLOOPU_SEED") == nullptr ? kSeeds : 1);
  Counts counts;
  for (uint32_t i = 0; i < seeds && !HasFailure(); ++i) {
    try {
      compare(first + i, counts);
    } catch (const std::exception& error) {
      ADD_FAILURE() << "PLOOPU_SEED=" << first + i << ": " << error.what();
    }
  }
  std::cout << "disks: " << counts.disks << ", images in their chains: " << counts.images
            << ", bytes compared: " << counts.bytes << ", rightly unreadable: " << counts.unreadable
            << '\n';
}

}  // namespace
}  // namespace ploopu::testing
