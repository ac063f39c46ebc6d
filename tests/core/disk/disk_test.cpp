// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/disk.hpp"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

Disk assemble(std::vector<Delta> deltas) {
  auto disk = Disk::assemble(std::move(deltas));
  if (!disk) throw std::runtime_error(disk.error().message);
  return *std::move(disk);
}

Bytes read(const Disk& disk, uint64_t offset, size_t length) {
  Bytes out(length, std::byte{0xEE});
  EXPECT_EQ(disk.read(offset, out), 0) << "at " << offset;
  return out;
}

Bytes zeros(size_t length) { return Bytes(length); }

Bytes part(const Bytes& bytes, size_t offset, size_t length) {
  return {bytes.begin() + static_cast<ptrdiff_t>(offset),
          bytes.begin() + static_cast<ptrdiff_t>(offset + length)};
}

// A disk of `clusters` clusters of `sectors` sectors, in a file of one version.
PloopSpec spec_of(int version, uint32_t sectors, std::vector<uint32_t> bat) {
  PloopSpec spec{.version = version, .cluster_sectors = sectors, .bat = std::move(bat)};
  spec.disk_sectors = spec.bat.size() * sectors;
  return spec;
}

TEST(Disk, Row02_EntriesOfV1AreSectorsAndOfV2ClustersFromTheStartOfTheFile) {
  const Bytes data = pattern(8 * 512, 1);
  for (const int version : {1, 2}) {
    // Cluster 1 of the disk lies at byte 16 * 512 of the file.
    auto file = ploop_file(spec_of(version, 8, {0, version == 1 ? 16U : 2U}));
    file->write(16 * 512, data);
    const Disk disk = assemble(chain(open_ploop(file)));
    EXPECT_EQ(disk.size(), 2 * 8 * 512U);
    EXPECT_EQ(read(disk, 0, 8 * 512), zeros(8 * 512));
    EXPECT_EQ(read(disk, 8 * 512, 8 * 512), data);
    EXPECT_EQ(disk.clusters_allocated(), 1U);
  }
}

// Somebody exchanged the magic alone: entries are what the magic says, and where that leads to no
// data there is none.
TEST(Disk, H03_UnitsFollowTheMagic) {
  // 64 + 4 * 2000 bytes are 16 sectors and so, of 8 sectors, two clusters.
  std::vector<uint32_t> bat(2000);
  for (const int version : {1, 2}) {
    const bool is_v1 = version == 1;
    // Cluster 2 and what follows, or sector 16 and so on.
    for (uint32_t i = 0; i < 100; ++i) bat[i] = is_v1 ? 2 + i : 16 + 8 * i;
    auto file = ploop_file(spec_of(version, 8, bat));
    const Bytes data = pattern(size_t{800} * 512, 1);
    file->write(16 * 512, data);
    const Disk disk = assemble(chain(open_ploop(file)));
    for (uint32_t i = 0; i < 100; ++i) {
      const uint64_t position = uint64_t{bat[i]} * (is_v1 ? 512 : 4096);
      const bool is_there = position >= 16 * 512 && position + 4096 <= file->size();
      Bytes out(4096);
      ASSERT_EQ(disk.read(i * uint64_t{4096}, out), is_there ? 0 : EIO) << i;
      if (!is_there) continue;
      ASSERT_EQ(out, part(data, position - 16 * 512, 4096)) << i;
    }
    EXPECT_EQ(disk.usage(0).damaged, is_v1 ? 14U : 89U);
  }
}

// The predecessor's fault: positions counted from the first data block.
TEST(Disk, Row01_ATableLongerThanAClusterMovesNothing) {
  std::vector<uint32_t> bat(1000);  // 64 + 4000 bytes: 8 clusters of one sector
  bat[999] = 8;
  auto file = ploop_file(spec_of(2, 1, bat));
  const Bytes data = pattern(512, 2);
  file->write(8 * 512, data);
  const Disk disk = assemble(chain(open_ploop(file)));
  EXPECT_EQ(read(disk, 999 * 512, 512), data);
}

// Whole pieces of a table are taken at once. Every cluster must come out as if it were looked at
// alone: entries just inside and just outside of the data area, and a chain that shares pieces.
TEST(Disk, PiecesOfATableAreWhatTheirEntriesAre) {
  constexpr uint32_t kSectors = 8;
  constexpr uint32_t kClusters = 3 * Delta::kPieceEntries + 5;
  for (const int version : {1, 2}) {
    const uint32_t step = version == 1 ? kSectors : 1;
    // Data may begin right after the table: with v1 in any sector.
    const uint32_t unit = version == 1 ? 512 : kSectors * 512;
    const uint32_t first = (64 + 4 * kClusters + unit - 1) / unit;
    const uint32_t last = first + 100 * step;
    const std::vector<uint32_t> tried = {0, first, first - 1, last, last + 1, UINT32_MAX};
    std::vector<uint32_t> bat(kClusters);
    for (uint32_t i = 0; i < kClusters; ++i) bat[i] = tried[i % tried.size()];
    auto base = ploop_file(spec_of(version, kSectors, bat));
    base->write(uint64_t{last} * unit, zeros(kSectors * 512));
    std::vector<uint32_t> upper(kClusters);
    for (uint32_t i = 7; i < 1100; i += 13) upper[i] = first;
    auto top = ploop_file(spec_of(version, kSectors, upper));
    top->write(uint64_t{first} * unit, zeros(kSectors * 512));
    const Disk disk = assemble(chain(open_ploop(base), open_ploop(top)));
    uint64_t allocated = 0;
    uint64_t damaged = 0;
    for (uint32_t i = 0; i < kClusters; ++i) {
      const bool is_damaged = bat[i] != 0 && (bat[i] < first || bat[i] > last);
      damaged += static_cast<uint64_t>(is_damaged);
      allocated += static_cast<uint64_t>(bat[i] != 0);
      const uint32_t entry = upper[i] != 0 ? upper[i] : bat[i];
      const Extent extent = disk.extent_at(uint64_t{i} * kSectors * 512, 512);
      // A cluster that starts one sector after the last whole cluster still starts in the file.
      const bool starts_inside = version == 1 && entry == last + 1;
      const bool unreadable = upper[i] == 0 && is_damaged && !starts_inside;
      const auto kind = entry == 0   ? ExtentKind::zero
                        : unreadable ? ExtentKind::unreadable
                                     : ExtentKind::data;
      ASSERT_EQ(extent.kind, kind) << i;
      if (extent.kind == ExtentKind::data) {
        ASSERT_EQ(extent.file, upper[i] != 0 ? 1U : 0U) << i;
        ASSERT_EQ(extent.file_offset, uint64_t{entry} * unit) << i;
      }
    }
    EXPECT_EQ(disk.usage(0).allocated, allocated);
    EXPECT_EQ(disk.usage(0).damaged, damaged);
    EXPECT_EQ(disk.usage(1).allocated, 85U);
  }
}

TEST(Disk, ATableThatIsReadInSeveralPieces) {
  std::vector<uint32_t> bat(200000);
  constexpr uint32_t kFirst = 2000;  // 64 + 4 * 200000 bytes end in sector 1562
  for (const uint32_t cluster : {0U, 65535U, 65536U, 131071U, 131072U, 199999U}) {
    bat[cluster] = kFirst + cluster;
  }
  auto file = ploop_file(spec_of(2, 1, bat));
  for (uint32_t i = 0; i < bat.size(); ++i) {
    if (bat[i] != 0) file->write(bat[i] * uint64_t{512}, pattern(512, i));
  }
  const Disk disk = assemble(chain(open_ploop(file)));
  EXPECT_EQ(disk.clusters_allocated(), 6U);
  for (uint32_t i = 0; i < bat.size(); ++i) {
    if (bat[i] != 0) {
      EXPECT_EQ(read(disk, i * uint64_t{512}, 512), pattern(512, i)) << i;
    }
  }
}

// 64 bytes may claim 64 TiB: what no table describes costs no memory.
TEST(Disk, AHugeDiskWithAShortTable) {
  constexpr uint64_t kSectors = (uint64_t{1} << 37) - 2048;
  auto file = ploop_file({.cluster_sectors = 2048, .disk_sectors = kSectors, .bat = {1, 0}});
  file->write(1 << 20, pattern(1 << 20, 7));
  const Disk disk = assemble(chain(open_ploop(file)));
  EXPECT_EQ(disk.clusters_total(), kSectors / 2048);
  EXPECT_EQ(disk.clusters_allocated(), 1U);
  EXPECT_EQ(read(disk, 0, 1 << 20), pattern(1 << 20, 7));
  const uint64_t rest = disk.size() - (1 << 20);
  const Extent tail = disk.extent_at(1 << 20, UINT64_MAX);
  EXPECT_EQ(tail.kind, ExtentKind::zero);
  EXPECT_EQ(tail.length, rest);  // the second entry is zero, too: one run
  EXPECT_EQ(disk.extent_at(disk.size() - 512, 4096).length, 512U);
  EXPECT_EQ(read(disk, disk.size() - 4096, 4096), zeros(4096));
}

// The predecessor's fault: 32-bit products.
TEST(Disk, Row03_OffsetsBeyond4GiB) {
  auto file = ploop_file(spec_of(2, 2048, {5000}));
  const uint64_t offset = uint64_t{5000} << 20;
  const Bytes data = pattern(1 << 20, 3);
  file->write(offset, data);
  const Disk disk = assemble(chain(open_ploop(file)));
  EXPECT_EQ(disk.extent_at(4096, 512).file_offset, offset + 4096);
  EXPECT_EQ(read(disk, 0, 1 << 20), data);
}

// The predecessor's fault: it read on past the end of a cluster.
TEST(Disk, Row04_ReadsAcrossClustersThatAreNotNeighboursInTheFile) {
  auto file = ploop_file(spec_of(2, 63, {3, 1, 0, 2}));
  constexpr size_t kCluster = 63 * 512;
  const Bytes a = pattern(kCluster, 4), b = pattern(kCluster, 5), c = pattern(kCluster, 6);
  file->write(3 * kCluster, a);
  file->write(1 * kCluster, b);
  file->write(2 * kCluster, c);
  const Disk disk = assemble(chain(open_ploop(file)));
  Bytes whole = a;
  whole.insert(whole.end(), b.begin(), b.end());
  whole.resize(3 * kCluster);
  whole.insert(whole.end(), c.begin(), c.end());
  EXPECT_EQ(read(disk, 0, whole.size()), whole);
  for (const size_t start : {kCluster - 1, 2 * kCluster - 513, 3 * kCluster - 7}) {
    EXPECT_EQ(read(disk, start, 1000), part(whole, start, 1000));
  }
}

TEST(Disk, NeighboursInTheFileAreOneExtent) {
  auto file = ploop_file(spec_of(2, 8, {2, 3, 4, 0, 0, 7, 6}));
  file->set_size(8 * 8 * 512);
  const Disk disk = assemble(chain(open_ploop(file)));
  constexpr uint64_t kCluster = 8 * 512;
  const Extent data = disk.extent_at(100, UINT64_MAX);
  EXPECT_EQ(data.length, 3 * kCluster - 100);
  EXPECT_EQ(data.file_offset, 2 * kCluster + 100);
  EXPECT_EQ(disk.extent_at(3 * kCluster, UINT64_MAX).length, 2 * kCluster);
  EXPECT_EQ(disk.extent_at(3 * kCluster, UINT64_MAX).kind, ExtentKind::zero);
  EXPECT_EQ(disk.extent_at(5 * kCluster, UINT64_MAX).length, kCluster);
  EXPECT_EQ(disk.extent_at(0, 10).length, 10U);
  EXPECT_EQ(disk.extent_at(7 * kCluster, UINT64_MAX).length, 0U);
}

// Old products made clusters of 63 and 504 sectors; Parallels Desktop begins its data right after
// the table, rounded up to a sector, and writes 0 as first block offset.
TEST(Disk, H06_Row05_Row08_ClustersThatAreNoPowerOfTwoAndDataRightBehindTheTable) {
  for (const uint32_t sectors : {63U, 65U, 504U, 2047U}) {
    const uint64_t size = sectors * kSectorSize;
    for (const int version : {1, 2}) {
      auto file = ploop_file(spec_of(version, sectors, {version == 1 ? 1 + sectors : 2U, 1, 0}));
      const Bytes first = pattern(size, 11);
      const Bytes second = pattern(size, 12);
      file->write(version == 1 ? 512 + size : 2 * size, first);
      file->write(version == 1 ? 512 : size, second);
      const Disk disk = assemble(chain(open_ploop(file)));
      EXPECT_EQ(read(disk, 0, size), first);
      EXPECT_EQ(read(disk, size, size), second);
      EXPECT_EQ(read(disk, 2 * size, size), zeros(size));
      EXPECT_EQ(read(disk, size - 1, 2), (Bytes{first.back(), second.front()}));
    }
  }
}

TEST(Disk, H30_Row21_AFileLongerThanItsTableSays) {
  for (const int version : {1, 2}) {
    auto file = ploop_file(spec_of(version, 8, {version == 1 ? 8U : 1U, 0}));
    file->write(4096, pattern(4096, 3));
    file->write(uint64_t{3} << 30, pattern(4096, 4));  // nothing refers to it
    const Disk disk = assemble(chain(open_ploop(file)));
    EXPECT_EQ(read(disk, 0, 4096), pattern(4096, 3));
    EXPECT_EQ(read(disk, 4096, 4096), zeros(4096));
  }
}

TEST(Disk, Row63_ADiskOfNoSectors) {
  for (const int version : {1, 2}) {
    const Disk disk = assemble(chain(open_ploop(ploop_file(spec_of(version, 8, {})))));
    EXPECT_EQ(disk.size(), 0U);
    EXPECT_EQ(disk.clusters_total(), 0U);
    EXPECT_EQ(disk.extent_at(0, 1).length, 0U);
    Bytes one(1);
    EXPECT_EQ(disk.read(0, one), EINVAL);
    EXPECT_EQ(disk.read(0, std::span(one).first(0)), 0);
  }
}

// A sparse file of a few kilobytes may claim the longest table there is, and a chain have many.
TEST(Disk, H10_HolesOfATableAreNotRead) {
  std::vector<Delta> deltas;
  std::vector<std::shared_ptr<MemoryFile>> files;
  for (uint32_t i = 0; i < 4; ++i) {
    PloopSpec spec{.cluster_sectors = 8, .disk_sectors = (kMaxClusters - 1) * 8};
    spec.bat_entries = static_cast<uint32_t>(kMaxClusters);
    auto file = ploop_file(spec);
    file->write(uint64_t{64} + uint64_t{4} * 50'000'000, ploop_head({}));  // some nonsense far away
    file->set_size(uint64_t{1} << 30);
    deltas.push_back(open_ploop(file));
    files.push_back(std::move(file));
  }
  const Disk disk = assemble(std::move(deltas));
  for (const auto& file : files) EXPECT_LT(file->bytes_read(), uint64_t{1} << 20);
  EXPECT_EQ(disk.usage(0).allocated, disk.clusters_allocated());
  EXPECT_LT(disk.clusters_allocated(), 16U);
  EXPECT_EQ(disk.extent_at(0, UINT64_MAX).length, uint64_t{50'000'000} * 4096);
}

TEST(Disk, H14_Row15_SizeNeedNotBeAMultipleOfTheCluster) {
  for (const int version : {1, 2}) {
    PloopSpec spec = version == 1 ? spec_of(1, 8, {8, 16}) : spec_of(2, 8, {1, 2});
    spec.disk_sectors = 13;
    auto file = ploop_file(spec);
    const Bytes data = pattern(16 * 512, 7);
    file->write(8 * 512, data);
    const Disk disk = assemble(chain(open_ploop(file)));
    EXPECT_EQ(disk.size(), 13 * 512U);
    EXPECT_EQ(disk.clusters_total(), 2U);
    EXPECT_EQ(disk.extent_at(0, UINT64_MAX).length, 13 * 512U);
    EXPECT_EQ(read(disk, 0, 13 * 512), part(data, 0, 13 * 512));
    Bytes beyond(1);
    EXPECT_EQ(disk.read(13 * 512, beyond), EINVAL);
    Bytes across(2);
    EXPECT_EQ(disk.read(13 * 512 - 1, across), EINVAL);
    EXPECT_EQ(disk.read(UINT64_MAX, across), EINVAL);
  }
}

TEST(Disk, H11_Row16_Row17_FewerEntriesThanTheDiskNeedsAreUnallocatedAndMoreAreIgnored) {
  PloopSpec spec = spec_of(2, 1, {1, 1, 1, 1});
  spec.disk_sectors = 2;
  auto file = ploop_file(spec);
  file->write(512, pattern(512, 8));
  EXPECT_EQ(assemble(chain(open_ploop(file))).clusters_total(), 2U);

  spec.disk_sectors = 100;
  file = ploop_file(spec);
  file->write(512, pattern(512, 8));
  EXPECT_EQ(read(assemble(chain(open_ploop(file))), 4 * 512, 96 * 512), zeros(96 * 512));
}

TEST(Disk, H22_Row19_DataPastTheEndOfTheFileIsAnErrorNotZeros) {
  for (const int version : {1, 2}) {
    for (const uint32_t entry : {16U, 1000000U, 0xFFFFFFFFU}) {
      auto file = ploop_file(spec_of(version, 8, {entry, version == 1 ? 8U : 1U}));
      file->write(8 * 512, pattern(8 * 512, 9));
      const Disk disk = assemble(chain(open_ploop(file)));
      EXPECT_EQ(disk.extent_at(0, 512).kind, ExtentKind::unreadable);
      Bytes out(512);
      EXPECT_EQ(disk.read(0, out), EIO) << entry;
      EXPECT_EQ(read(disk, 8 * 512, 8 * 512), pattern(8 * 512, 9));
      EXPECT_EQ(disk.usage(0).damaged, 1U);
    }
  }
}

// The largest position that there can be: 2^32 clusters of 64 MiB. In 32 bits, and in 32 bits of
// sectors, its lower half would be a place inside the file.
TEST(Disk, H25_TheLargestEntryOfTheLargestCluster) {
  for (const int version : {1, 2}) {
    auto file = ploop_file(spec_of(version, kMaxClusterSectors, {0xFFFFFFFF}));
    file->set_size(uint64_t{1} << 40);
    const Disk disk = assemble(chain(open_ploop(file)));
    // Version 1 counts sectors, so its position is 2 TiB.
    EXPECT_EQ(disk.extent_at(0, UINT64_MAX).kind, ExtentKind::unreadable);
    EXPECT_EQ(disk.extent_at(0, UINT64_MAX).length, uint64_t{64} << 20);
    Bytes out(512);
    EXPECT_EQ(disk.read(disk.size() - 512, out), EIO);
    EXPECT_EQ(disk.usage(0).damaged, 1U);
  }
  auto file = ploop_file(spec_of(2, kMaxClusterSectors, {0xFFFFFFFF}));
  file->set_size(uint64_t{1} << 58);
  const Disk disk = assemble(chain(open_ploop(file)));
  EXPECT_EQ(disk.extent_at(512, 512).file_offset, (uint64_t{0xFFFFFFFF} << 26) + 512);
}

TEST(Disk, H23_Row20_OfACutClusterWhatIsThereCanBeRead) {
  for (const int version : {1, 2}) {
    for (const size_t there : {size_t{1000}, size_t{2048}, size_t{4095}}) {
      auto file = ploop_file(spec_of(version, 8, {version == 1 ? 8U : 1U}));
      file->write(8 * 512, pattern(there, 10));
      const Disk disk = assemble(chain(open_ploop(file)));
      EXPECT_EQ(read(disk, 0, there), pattern(there, 10));
      Bytes out(2);
      EXPECT_EQ(disk.read(there - 1, out), EIO);
      EXPECT_EQ(disk.extent_at(there, 9999).kind, ExtentKind::unreadable);
      EXPECT_EQ(disk.extent_at(there, 9999).length, 4096 - there);
      EXPECT_EQ(disk.usage(0).damaged, 1U);
    }
  }
}

// A whole cluster past the end of a disk of 13 sectors isn't missed when it is read by itself.
TEST(Disk, TheUnusedPartOfTheLastClusterMayBeMissing) {
  PloopSpec spec = spec_of(2, 8, {1, 2});
  spec.disk_sectors = 13;
  auto file = ploop_file(spec);
  file->write(8 * 512, pattern(13 * 512, 7));
  const Disk disk = assemble(chain(open_ploop(file)));
  EXPECT_EQ(disk.usage(0).damaged, 0U);
  EXPECT_EQ(read(disk, 0, 13 * 512), pattern(13 * 512, 7));
}

TEST(Disk, H21_Row22_HeaderAndTableAreNeverServedAsData) {
  for (const int version : {1, 2}) {
    // 64 + 4 * 2000 bytes reach into sector 15.
    std::vector<uint32_t> bat(2000);
    bat[0] = 15, bat[1] = 16, bat[2] = 1;
    auto file = ploop_file(spec_of(version, 1, bat));
    file->write(16 * 512, pattern(512, 11));
    const Disk disk = assemble(chain(open_ploop(file)));
    Bytes out(512);
    EXPECT_EQ(disk.read(0, out), EIO);
    EXPECT_EQ(disk.read(2 * 512, out), EIO);
    EXPECT_EQ(read(disk, 512, 512), pattern(512, 11));
  }
}

TEST(Disk, H24_H28_Row23_Row27_DuplicateEntriesAndHolesInTheFileAreServed) {
  for (const int version : {1, 2}) {
    auto file = ploop_file(spec_of(version, 1, {2, 2, 3}));
    file->write(2 * 512, pattern(512, 12));
    file->set_size(4 * 512);
    const Disk disk = assemble(chain(open_ploop(file)));
    EXPECT_EQ(read(disk, 0, 512), pattern(512, 12));
    EXPECT_EQ(read(disk, 512, 512), pattern(512, 12));
    EXPECT_EQ(read(disk, 1024, 512), zeros(512));
  }
}

TEST(Disk, AnErrorOfTheFileIsPassedOn) {
  auto file = ploop_file(spec_of(2, 8, {1, 2}));
  file->write(8 * 512, pattern(16 * 512, 13));
  file->fail_at(20 * 512, ESTALE);
  const Disk disk = assemble(chain(open_ploop(file)));
  Bytes out(16 * 512);
  EXPECT_EQ(disk.read(0, out), ESTALE);
  EXPECT_EQ(read(disk, 0, 8 * 512), pattern(8 * 512, 13));
}

TEST(Disk, AHeaderThatCannotBeRead) {
  auto file = ploop_file(spec_of(2, 8, {1, 2}));
  file->fail_at(20, ESTALE);
  const auto delta = Delta::open({file, DeltaFormat::ploop, "delta", 0});
  ASSERT_FALSE(delta);
  EXPECT_THAT(delta.error().message, ::testing::HasSubstr("delta: reading the header"));
}

// ---- Chains

std::shared_ptr<MemoryFile> filled(const PloopSpec& spec, uint32_t seed) {
  auto file = ploop_file(spec);
  const uint64_t cluster = uint64_t{spec.cluster_sectors} * 512;
  for (const uint32_t entry : spec.bat) {
    if (entry != 0) file->write(entry * cluster, pattern(cluster, seed + entry));
  }
  return file;
}

TEST(DiskChain, Row24_Row25_TheNewestDeltaThatHasAClusterWins) {
  const Disk disk = assemble(chain(open_ploop(filled(spec_of(2, 8, {1, 2, 3, 0}), 100)),
                                   open_ploop(filled(spec_of(2, 8, {0, 1, 2, 0}), 200)),
                                   open_ploop(filled(spec_of(2, 8, {0, 0, 1, 0}), 300))));
  constexpr size_t kCluster = 8 * 512;
  EXPECT_EQ(read(disk, 0, kCluster), pattern(kCluster, 101));
  EXPECT_EQ(read(disk, kCluster, kCluster), pattern(kCluster, 201));
  EXPECT_EQ(read(disk, 2 * kCluster, kCluster), pattern(kCluster, 301));
  EXPECT_EQ(read(disk, 3 * kCluster, kCluster), zeros(kCluster));
  EXPECT_EQ(disk.extent_at(2 * kCluster, 1).file, 2U);
  EXPECT_EQ(disk.clusters_allocated(), 3U);
}

TEST(DiskChain, Row26_AnAllocatedClusterOfZerosHidesWhatIsBelow) {
  auto top = ploop_file(spec_of(2, 8, {1}));
  top->set_size(2 * 8 * 512);
  const Disk disk = assemble(chain(open_ploop(filled(spec_of(2, 8, {1}), 100)), open_ploop(top)));
  EXPECT_EQ(read(disk, 0, 8 * 512), zeros(8 * 512));
}

TEST(DiskChain, TheTopGivesTheSize) {
  const auto small = [] { return open_ploop(filled(spec_of(2, 8, {1}), 100)); };
  const auto large = [] { return open_ploop(filled(spec_of(2, 8, {0, 0, 1}), 200)); };
  EXPECT_EQ(assemble(chain(small(), large())).size(), 3 * 8 * 512U);
  EXPECT_EQ(read(assemble(chain(small(), large())), 8 * 512, 8 * 512), zeros(8 * 512));
  const Disk clipped = assemble(chain(large(), small()));
  EXPECT_EQ(clipped.size(), 8 * 512U);
  EXPECT_EQ(clipped.clusters_allocated(), 1U);
}

// A lower disk that ends inside a cluster has nothing past its end, whatever its file holds.
TEST(DiskChain, H49_Row28_ADeltaThatEndsInsideAClusterIsCutThere) {
  PloopSpec base = spec_of(2, 8, {1});
  base.disk_sectors = 3;
  const Disk grown = assemble(
      chain(open_ploop(filled(base, 100)), open_ploop(filled(spec_of(2, 8, {0, 1}), 200))));
  Bytes expected = part(pattern(8 * 512, 101), 0, 3 * 512);
  expected.resize(8 * 512);
  EXPECT_EQ(read(grown, 0, 8 * 512), expected);
  EXPECT_EQ(grown.extent_at(0, UINT64_MAX).length, 3 * 512U);

  PloopSpec middle = base;
  middle.disk_sectors = 5;
  const Disk three =
      assemble(chain(open_ploop(filled(spec_of(2, 8, {1}), 100)), open_ploop(filled(middle, 200)),
                     open_ploop(filled(spec_of(2, 8, {0, 1}), 300))));
  Bytes mixed = part(pattern(8 * 512, 201), 0, 5 * 512);
  const Bytes below = part(pattern(8 * 512, 101), 5 * 512, 3 * 512);
  mixed.insert(mixed.end(), below.begin(), below.end());
  EXPECT_EQ(read(three, 0, 8 * 512), mixed);
}

TEST(DiskChain, Row30_ARawBaseEndsWithItsFileAndIsZerosBehind) {
  auto raw = std::make_shared<MemoryFile>(pattern(5000, 1));
  const Disk disk =
      assemble(chain(open_raw(raw, 8), open_ploop(filled(spec_of(2, 8, {0, 0, 1}), 200))));
  Bytes expected = pattern(5000, 1);
  expected.resize(2 * 8 * 512);
  EXPECT_EQ(read(disk, 0, 2 * 8 * 512), expected);
  EXPECT_EQ(read(disk, 2 * 8 * 512, 8 * 512), pattern(8 * 512, 201));

  const Disk alone = assemble(chain(open_raw(raw, 8)));
  EXPECT_EQ(alone.size(), 5120U);
  expected.resize(5120);
  EXPECT_EQ(read(alone, 0, 5120), expected);
}

TEST(DiskChain, H48_Row45_RefusesMixedClusterSizesMixedVersionsAndRawAboveTheBase) {
  const auto refused = [](std::vector<Delta> deltas, const char* words) {
    const auto disk = Disk::assemble(std::move(deltas));
    ASSERT_FALSE(disk);
    EXPECT_EQ(disk.error().kind, ErrorKind::damaged);
    EXPECT_THAT(disk.error().message, HasSubstr(words));
  };
  const auto delta = [](int version, uint32_t sectors) {
    return open_ploop(ploop_file(spec_of(version, sectors, {0})));
  };
  refused(chain(delta(2, 8), delta(2, 16)), "m_Sectors");
  refused(chain(delta(1, 8), delta(2, 8)), "v1");
  refused(chain(delta(2, 8), open_raw(std::make_shared<MemoryFile>(pattern(4096, 1)), 8)), "raw");
}

}  // namespace
}  // namespace ploopu::testing
