// SPDX-License-Identifier: GPL-2.0-or-later
// No answer of a process that was taken over makes lookups leave the BAT, the deltas or the disk.
#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "core/confine/confinement.hpp"
#include "core/disk/disk.hpp"
#include "core/disk/table_answer.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

class PlainMemory final : public CommonMemory {
 public:
  explicit PlainMemory(size_t bytes) : bytes_(bytes) {}
  [[nodiscard]] std::span<std::byte> bytes() const override { return bytes_; }
  Result<void> make_own(size_t /*used*/) override { return {}; }

 private:
  mutable std::vector<std::byte> bytes_;
};

using Lie = std::function<void(TableAnswer& tables)>;

// A base of two and a half clusters, a delta above it that is larger, and owners that differ.
Result<Disk> disk_by(const Lie& lie) {
  constexpr uint32_t kSectors = 8;
  const auto file = [&](uint64_t disk_sectors, std::vector<uint32_t> bat) {
    PloopSpec spec{.cluster_sectors = kSectors, .disk_sectors = disk_sectors};
    spec.bat = std::move(bat);
    auto made = ploop_file(spec);
    made->set_size(20 * kSectors * 512);
    return made;
  };
  const auto deltas = chain(open_ploop(file(20, {1, 2, 3})), open_ploop(file(32, {4, 0, 0, 5})));
  auto memory = std::make_unique<PlainMemory>(2 * Delta::kPieceEntries * sizeof(uint32_t));
  PLOOPU_TRY(const auto disk, Disk::assemble(deltas, memory->bytes()));
  auto tables = disk.describe_tables(memory->bytes());
  lie(tables);
  return Disk::adopt(deltas, tables, std::move(memory));
}

TEST(DiskAnswer, TheTruthIsBelieved) {
  const auto disk = disk_by([](TableAnswer&) {});
  ASSERT_TRUE(disk) << disk.error().message;
  EXPECT_EQ(disk->extent_at(0, UINT64_MAX).file, 1U);
  EXPECT_EQ(disk->extent_at(4096, UINT64_MAX).file, 0U);
  EXPECT_EQ(disk->extent_at(2 * 4096 + 2048, 2048).kind,
            ExtentKind::zero);  // past the end of the base
}

TEST(DiskAnswer, LiesAreRefused) {
  const std::vector<std::pair<const char*, Lie>> lies = {
      {"no pieces", [](auto& tables) { tables.pieces.clear(); }},
      {"more pieces", [](auto& tables) { tables.pieces.push_back(tables.pieces[0]); }},
      {"no usage", [](auto& tables) { tables.usage.clear(); }},
      {"entries outside", [](auto& tables) { tables.pieces[0].entries_at = 1 << 20; }},
      {"entries far outside", [](auto& tables) { tables.pieces[0].entries_at = UINT64_MAX; }},
      {"entries that overlap the end",
       [](auto& tables) { tables.pieces[0].entries_at = 4097 + 4; }},
      {"entries at an odd place", [](auto& tables) { tables.pieces[0].entries_at = 2; }},
      {"owners outside", [](auto& tables) { tables.pieces[0].owners_at = 1 << 20; }},
      {"an unknown owner",
       [](auto& tables) { tables.pieces[0].owners_at = 0, tables.pieces[0].owner = 3; }},
      {"splits that are none", [](auto& tables) { tables.splits.clear(); }},
      {"a split of an unknown owner", [](auto& tables) { tables.splits[0].owner = 9; }},
      {"a split of splits", [](auto& tables) { tables.splits[0].owner = UINT32_MAX; }},
  };
  for (const auto& [name, lie] : lies) {
    const auto disk = disk_by(lie);
    ASSERT_FALSE(disk) << name;
    EXPECT_EQ(disk.error().kind, ErrorKind::damaged) << name;
  }
}

// A raw base has no table: an entry of it would be taken for one in units of nothing.
TEST(DiskAnswer, ARawBaseOwnsNoCluster) {
  PloopSpec spec{.cluster_sectors = 8, .disk_sectors = 32};
  spec.bat = {1, 0, 0, 0};
  const auto deltas = chain(open_raw(std::make_shared<MemoryFile>(Bytes(4 * 4096)), 8),
                            open_ploop(ploop_file(spec)));
  for (const uint32_t owner : {2U, 1U}) {
    auto memory = std::make_unique<PlainMemory>(2 * Delta::kPieceEntries * sizeof(uint32_t));
    const auto disk = Disk::assemble(deltas, memory->bytes());
    ASSERT_TRUE(disk);
    auto tables = disk->describe_tables(memory->bytes());
    tables.pieces[0].owners_at = 0;
    tables.pieces[0].owner = owner;
    EXPECT_EQ(Disk::adopt(deltas, tables, std::move(memory)).has_value(), owner == 2) << owner;
  }
}

}  // namespace
}  // namespace ploopu::testing
