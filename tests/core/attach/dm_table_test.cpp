// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/attach/dm_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/ploop_builder.hpp"

namespace ploopu {

void PrintTo(const DmTarget& target, std::ostream* out) {
  *out << target.start << '+' << target.length << " kind " << static_cast<int>(target.kind)
       << " file " << target.file << " at " << target.offset;
}

}  // namespace ploopu

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

DmTarget zero(uint64_t start, uint64_t length) { return {start, length, ExtentKind::zero}; }
DmTarget error(uint64_t start, uint64_t length) { return {start, length, ExtentKind::unreadable}; }
DmTarget data(uint64_t start, uint64_t length, uint32_t delta, uint64_t offset) {
  return {start, length, ExtentKind::data, delta, offset};
}

Disk assemble(std::vector<Delta> deltas) {
  auto disk = Disk::assemble(std::move(deltas));
  if (!disk) throw std::runtime_error(disk.error().message);
  return *std::move(disk);
}

// A v2 file with clusters of 8 sectors and that table; it has all of the first `clusters` clusters.
std::shared_ptr<MemoryFile> file_of(std::vector<uint32_t> bat, uint64_t clusters,
                                    uint64_t disk_sectors = 0) {
  PloopSpec spec{.cluster_sectors = 8, .bat = std::move(bat)};
  spec.disk_sectors = disk_sectors != 0 ? disk_sectors : spec.bat.size() * 8;
  auto file = ploop_file(spec);
  file->set_size(clusters * 8 * 512);
  return file;
}

std::vector<DmTarget> table_of(const Disk& disk) {
  auto table = make_dm_table(disk);
  if (!table) throw std::runtime_error(table.error().message);
  return *std::move(table);
}

TEST(DmTable, RunsOfClustersAreOneTarget) {
  const Disk disk = assemble(chain(open_ploop(file_of({0, 0, 1, 2, 3, 5, 4, 0}, 6))));
  EXPECT_THAT(table_of(disk), ElementsAre(zero(0, 16), data(16, 24, 0, 8), data(40, 8, 0, 40),
                                          data(48, 8, 0, 32), zero(56, 8)));
}

TEST(DmTable, WhatLiesPastTheEndOfTheFileIsTheErrorTarget) {
  const Disk disk = assemble(chain(open_ploop(file_of({1, 7, 9, 0}, 2))));
  EXPECT_THAT(table_of(disk), ElementsAre(data(0, 8, 0, 8), error(8, 16), zero(24, 8)));
}

TEST(DmTable, WhatIsLostInSeveralDeltasIsOneTarget) {
  const Disk disk =
      assemble(chain(open_ploop(file_of({7, 0, 1}, 2)), open_ploop(file_of({0, 9, 0}, 2))));
  EXPECT_THAT(table_of(disk), ElementsAre(error(0, 16), data(16, 8, 0, 8)));
}

// Its last sector is there in part only: the loop driver doesn't show it.
TEST(DmTable, AFileThatEndsInsideASector) {
  auto file = file_of({1, 2}, 3);
  file->set_size((2 * 8 + 3) * 512 + 100);
  const Disk disk = assemble(chain(open_ploop(file)));
  EXPECT_THAT(table_of(disk), ElementsAre(data(0, 11, 0, 8), error(11, 5)));
}

TEST(DmTable, ADiskThatEndsInsideACluster) {
  const Disk disk = assemble(chain(open_ploop(file_of({1, 2}, 3, 11))));
  EXPECT_THAT(table_of(disk), ElementsAre(data(0, 11, 0, 8)));
}

TEST(DmTable, ClustersOfV1LieOnAnySector) {
  PloopSpec spec{.version = 1, .cluster_sectors = 63, .disk_sectors = 126, .bat = {65, 2}};
  auto file = ploop_file(spec);
  file->set_size(128 * 512);
  EXPECT_THAT(table_of(assemble(chain(open_ploop(file)))),
              ElementsAre(data(0, 63, 0, 65), data(63, 63, 0, 2)));
}

TEST(DmTable, AChainOverARawBase) {
  auto base = std::make_shared<MemoryFile>(Bytes(20 * 512));
  const Disk disk = assemble(chain(open_raw(base, 8), open_ploop(file_of({0, 1, 0, 0}, 2))));
  EXPECT_THAT(table_of(disk),
              ElementsAre(data(0, 8, 0, 0), data(8, 8, 1, 8), data(16, 4, 0, 16), zero(20, 12)));
}

TEST(DmTable, ARawBaseThatEndsInsideASectorIsDeclined) {
  auto base = std::make_shared<MemoryFile>(Bytes(20 * 512 + 1));
  const Disk disk = assemble(chain(open_raw(base, 8), open_ploop(file_of({0, 1, 0, 0}, 2))));
  const auto table = make_dm_table(disk);
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().message, HasSubstr("10241, is not a multiple of 512 bytes"));
}

TEST(DmTable, MoreTargetsThanTheLimitAreDeclined) {
  const Disk disk = assemble(chain(open_ploop(file_of({1, 0, 2, 0}, 3))));
  EXPECT_TRUE(make_dm_table(disk, 4));
  const auto table = make_dm_table(disk, 3);
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().message, HasSubstr("needs 4 targets, more than 3"));
}

}  // namespace
}  // namespace ploopu::testing
