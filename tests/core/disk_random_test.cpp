// SPDX-License-Identifier: GPL-2.0-or-later
// Random images and chains against a reader that is as slow and plain as it can be.
// PLOOPU_SEED=N: begin with that seed, and look at it alone. PLOOPU_SEEDS=N: look at so many.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include "core/disk.hpp"
#include "tests/support/random_chain.hpp"
#include "tests/support/slow_reader.hpp"

namespace ploopu::testing {
namespace {

constexpr uint32_t kSeeds = 12000;

struct Counts {
  uint64_t disks = 0;
  uint64_t images = 0;
  uint64_t bytes = 0;       // of disks, each compared once by its extents and once by its content
  uint64_t unreadable = 0;  // of these
};

// The whole disk as the slow reader sees it.
struct Expected {
  std::vector<Extent> extents;  // as long as they can be
  Bytes content;
  Bytes lost;  // for each byte: 1 if it can't be read
};

bool continues(const Extent& run, const SlowPiece& piece, ExtentKind kind) {
  if (run.kind != kind) return false;
  if (kind == ExtentKind::zero) return true;
  return run.delta == piece.layer &&
         (kind == ExtentKind::unreadable || run.file_offset + run.length == piece.position);
}

ExtentKind kind_of(const SlowPiece& piece) {
  if (piece.kind == SlowPiece::Kind::zero) return ExtentKind::zero;
  return piece.kind == SlowPiece::Kind::data ? ExtentKind::data : ExtentKind::unreadable;
}

Expected read_slowly(const std::vector<Layer>& layers) {
  const SlowReader reader(layers);
  Expected expected;
  expected.content.resize(reader.size());
  expected.lost.resize(reader.size());
  for (uint64_t offset = 0; offset < reader.size();) {
    const SlowPiece piece = reader.piece_at(offset);
    const std::span out(&expected.content[offset], piece.length);
    if (piece.kind == SlowPiece::Kind::unreadable) {
      std::fill_n(&expected.lost[offset], piece.length, std::byte{1});
    } else if (piece.kind == SlowPiece::Kind::data &&
               layers[piece.layer].file->read(piece.position, out) != 0) {
      ADD_FAILURE() << "the slow reader looks past the end of a file at " << offset;
    }
    auto& extents = expected.extents;
    if (extents.empty() || !continues(extents.back(), piece, kind_of(piece))) {
      extents.push_back({0, kind_of(piece), static_cast<uint32_t>(piece.layer), piece.position});
    }
    extents.back().length += piece.length;
    offset += piece.length;
  }
  return expected;
}

void compare_extents(const Disk& disk, const Expected& expected) {
  uint64_t offset = 0;
  for (const Extent& right : expected.extents) {
    const Extent extent = disk.extent_at(offset, UINT64_MAX);
    ASSERT_EQ(extent.kind, right.kind) << "at " << offset;
    ASSERT_EQ(extent.length, right.length) << "at " << offset;
    ASSERT_EQ(extent.delta, right.delta) << "at " << offset;
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
