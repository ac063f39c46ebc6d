// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the search for partition tables on disks that sfdisk partitioned, sound and damaged.

#include <gmock/gmock.h>

#include "tests/support/probed_disk.hpp"

namespace ploopu::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kDiskSize = 64 * kMiB;

class GptTest : public ProbedDisk {
 protected:
  // Makes a GPT with one partition of 32 MiB, which contains an ext4.
  void make_gpt(uint64_t unit, uint64_t start = kMiB, const std::string& header_lines = "") {
    make_disk(kDiskSize);
    partition_in_units(unit, header_lines + "first-lba: " + std::to_string(65536 / unit) +
                                 "\n\nstart=" + std::to_string(start / unit) +
                                 ", size=" + std::to_string(32 * kMiB / unit));
    shell("mke2fs -q -t ext4 -L root -E offset=" + std::to_string(start) + " disk 32M");
  }

  // Writes the checksum of disk bytes to another place. It is taken from the end of a gzip file.
  void put_checksum(uint64_t from, uint64_t count, uint64_t to) {
    shell("tail -c +" + std::to_string(from + 1) + " disk | head -c " + std::to_string(count) +
          " | gzip -1 -c | tail -c 8 | head -c 4 >sum && dd if=sum of=disk bs=1 seek=" +
          std::to_string(to) + " conv=notrunc status=none");
  }

  // Corrects the checksum of a header.
  void seal(uint64_t header) {
    clear(header + 16, 4);
    put_checksum(header, 92, header + 16);
  }
};

void expect_root(const DiskLayout& layout, uint64_t start = kMiB) {
  EXPECT_EQ(layout.table, "gpt");
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_EQ(layout.partitions[0].number, 1U);
  EXPECT_EQ(layout.partitions[0].start, start);
  EXPECT_EQ(layout.partitions[0].size, 32 * kMiB);
  EXPECT_EQ(layout.partitions[0].label, "root");
}

TEST_F(GptTest, Row51_TheHeadersPlaceTellsTheUnit) {
  for (const uint64_t unit : {512U, 1024U, 2048U, 4096U}) {
    make_gpt(unit);
    const auto layout = probe();
    expect_root(layout);
    EXPECT_THAT(layout.warnings, IsEmpty()) << unit;
  }
}

TEST_F(GptTest, Row52_APartitionFrom256KiB) {
  for (const uint64_t unit : {512U, 1024U, 2048U, 4096U}) {
    make_gpt(unit, 256 * 1024);
    const auto layout = probe();
    expect_root(layout, 256 * 1024);
    EXPECT_THAT(layout.warnings, IsEmpty()) << unit;
  }
}

TEST_F(GptTest, Row51_ADiskThatIsNoMultipleOfTheUnit) {
  make_disk(kDiskSize + 512);
  partition_in_units(4096, "start=256, size=8192");
  const auto layout = probe();
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_EQ(layout.partitions[0].start, kMiB);
  EXPECT_THAT(layout.warnings, IsEmpty());
}

TEST_F(GptTest, Row51_OfSeveralHeadersTheSoundOneCounts) {
  make_gpt(4096);
  // The copy has the right checksum and block number for unit 512, but no valid entries follow it.
  copy(4096, 512, 512);
  auto layout = probe();
  expect_root(layout);
  EXPECT_THAT(layout.warnings, IsEmpty());
  // Makes the checksum of the copy wrong, too.
  patch(512 + 56, "guid");
  layout = probe();
  expect_root(layout);
  EXPECT_THAT(layout.warnings, IsEmpty());
}

TEST_F(GptTest, Row51_OfTwoSoundTablesTheOneThatTheKernelSees) {
  make_disk(kDiskSize);
  partition_in_units(4096, "start=512, size=4096");
  // A table with four entries ends before the header at byte 4096.
  partition_in_units(512, "table-length: 4\n\nstart=2048, size=65536");
  shell("mke2fs -q -t ext4 -L root -E offset=1048576 disk 32M");
  const auto layout = probe();
  expect_root(layout);
  EXPECT_THAT(layout.warnings, ElementsAre(HasSubstr("units of 512 and of 4096 bytes")));
}

// libploop replaces the eight bytes of the signature first and then writes the new table
// (docs/FORMAT.md#interrupted-conversion).
TEST_F(GptTest, Row51_AConversionThatWasInterruptedAtOnce) {
  for (const uint64_t unit : {512U, 4096U}) {
    make_gpt(unit);
    patch(unit, "XXX PART");
    // Without this line libblkid uses the backup header.
    clear(kDiskSize - unit, unit);
    const auto layout = probe();
    expect_root(layout);
    EXPECT_THAT(layout.warnings,
                ElementsAre(AllOf(HasSubstr("byte " + std::to_string(unit)), HasSubstr("XXX PART"),
                                  HasSubstr("conversion"))));
  }
}

// A conversion from unit 512 to 4096: the new header is in the middle of the old entries.
TEST_F(GptTest, Row51_AConversionThatWasInterruptedHalfway) {
  make_gpt(4096);
  copy(4096, 0, 512);
  shell("mv piece new-header");
  make_gpt(512);
  patch(512, "XXX PART");
  shell("dd if=new-header of=disk bs=4096 seek=1 conv=notrunc status=none");
  const auto layout = probe();
  expect_root(layout);
  EXPECT_THAT(layout.warnings, ElementsAre(HasSubstr("its backup at byte 67108352 is used")));
}

// The changed signature stays if the new table doesn't cover it.
TEST_F(GptTest, Row51_AConversionThatWasFinished) {
  make_gpt(4096);
  copy(4096, 512, 512);
  patch(512, "XXX PART");
  const auto layout = probe();
  expect_root(layout);
  EXPECT_THAT(layout.warnings, IsEmpty());
}

TEST_F(GptTest, ADiskThatGrew) {
  for (const uint64_t unit : {512U, 4096U}) {
    make_gpt(unit);
    resize(2 * kDiskSize);
    const auto layout = probe();
    expect_root(layout);
    EXPECT_THAT(layout.warnings, ElementsAre(HasSubstr("disk of 67108864 bytes, this one has "
                                                       "134217728: the disk was resized")));
  }
}

TEST_F(GptTest, TheBackupIsMissingOrDamaged) {
  make_gpt(512);
  patch(kDiskSize - 512 + 56, "guid");
  auto layout = probe();
  expect_root(layout);
  EXPECT_THAT(layout.warnings, ElementsAre(AllOf(HasSubstr("backup"), HasSubstr("damaged"),
                                                 HasSubstr("isn't needed"))));
  clear(kDiskSize - 512, 512);
  layout = probe();
  expect_root(layout);
  EXPECT_THAT(layout.warnings, ElementsAre(AllOf(HasSubstr("backup"), HasSubstr("missing"))));
}

TEST_F(GptTest, H80_TheBackupIsUsedWhereThePrimaryIsDamaged) {
  for (const uint64_t unit : {512U, 4096U}) {
    make_gpt(unit);
    patch(unit + 56, "guid");
    auto layout = probe();
    expect_root(layout);
    EXPECT_THAT(
        layout.warnings,
        ElementsAre(AllOf(HasSubstr("header's checksum is wrong"),
                          HasSubstr("its backup at byte " + std::to_string(kDiskSize - unit)))));
    clear(unit, 512);
    layout = probe();
    expect_root(layout);
    EXPECT_THAT(layout.warnings, ElementsAre(AllOf(HasSubstr("missing"), HasSubstr("backup"))));
  }
}

TEST_F(GptTest, H80_DamagedEntries) {
  make_gpt(512);
  patch(1024 + 32, "\\001");
  clear(kDiskSize - 512, 512);
  const auto layout = probe();
  EXPECT_THAT(layout.partitions, IsEmpty());
  EXPECT_THAT(layout.warnings, ElementsAre(AllOf(HasSubstr("entries' checksum is wrong"),
                                                 HasSubstr("no sound backup"))));
}

TEST_F(GptTest, H80_AHeaderForALargerDisk) {
  make_gpt(512);
  resize(kDiskSize / 2);
  const auto layout = probe();
  EXPECT_THAT(layout.partitions, IsEmpty());
  EXPECT_THAT(layout.warnings,
              ElementsAre(HasSubstr("uses blocks up to 131038, the last one is 65535")));
}

TEST_F(GptTest, H80_AHeaderThatLiesElsewhere) {
  make_gpt(512);
  patch(512 + 24, "\\002");
  seal(512);
  clear(kDiskSize - 512, 512);
  EXPECT_THAT(probe().warnings, ElementsAre(HasSubstr("says that it is in block 2")));
}

TEST_F(GptTest, H80_HeadersWhoseFieldsCannotBe) {
  make_gpt(512);
  clear(kDiskSize - 512, 512);
  const uint64_t kept = 40 * kMiB;
  copy(512, kept, 512);
  const auto fault_with = [&](uint64_t field, const std::string& value) {
    patch(512 + field, value);
    if (field != 12) seal(512);
    const auto layout = probe();
    EXPECT_THAT(layout.partitions, IsEmpty());
    copy(kept, 512, 512);
    return layout.warnings.empty() ? "" : layout.warnings[0];
  };
  EXPECT_THAT(fault_with(12, "\\000\\000"), HasSubstr("its header's size is 0"));
  EXPECT_THAT(fault_with(12, "\\001\\002"), HasSubstr("its header's size is 513"));
  EXPECT_THAT(fault_with(40, "\\377\\377\\001"), HasSubstr("uses blocks 131071 to 131038"));
  EXPECT_THAT(fault_with(72, "\\000\\000\\002"), HasSubstr("entries are in block 131072"));
}

// libblkid alone reads all entries: 1 GB and two minutes for eight million.
TEST_F(GptTest, H80_AHeaderWithAMillionEntries) {
  make_disk(kDiskSize);
  partition_in_units(512, "start=2048, size=65536");
  resize(1024 * kMiB);
  patch(512 + 80, "\\000\\000\\020\\000");
  put_checksum(1024, 128 * kMiB, 512 + 88);
  seal(512);
  auto layout = probe();
  EXPECT_THAT(layout.partitions, IsEmpty());
  EXPECT_THAT(layout.warnings, ElementsAre(HasSubstr("has 1048576 entries of 128 bytes")));
  // An extended partition begins at the header: showing its record must not show the header.
  patch(446 + 16 + 4, "\\005\\000\\000\\000\\001\\000\\000\\000\\000\\020\\000\\000");
  layout = probe();
  EXPECT_THAT(layout.partitions, ::testing::Each(::testing::Field(&Partition::label, "")));
  EXPECT_NE(layout.table, "gpt");
}

TEST_F(GptTest, H80_WithoutProtectiveMbr) {
  make_gpt(512);
  clear(0, 512);
  const auto layout = probe();
  EXPECT_THAT(layout.partitions, IsEmpty());
  EXPECT_THAT(layout.warnings, ElementsAre(HasSubstr("no protective MBR")));
}

// The unit of a remnant GPT doesn't apply to the MBR in use.
TEST_F(GptTest, AnMbrOverTheRemnantOfAGpt) {
  make_gpt(4096);
  patch(446 + 4, "\\203\\000\\000\\000\\000\\010\\000\\000\\000\\000\\001\\000");
  const auto layout = probe();
  EXPECT_EQ(layout.table, "dos");
  ASSERT_EQ(layout.partitions.size(), 1U);
  EXPECT_EQ(layout.partitions[0].start, kMiB);
  EXPECT_EQ(layout.partitions[0].size, 32 * kMiB);
  EXPECT_EQ(layout.partitions[0].label, "root");
  EXPECT_THAT(layout.warnings, IsEmpty());
}

class PartitionTable : public ProbedDisk {};

TEST_F(PartitionTable, Gpt) {
  make_disk(64 * kMiB);
  partition("label: gpt\nstart=2048, size=65536\nstart=67584, size=32768");
  shell(
      "mke2fs -q -t ext4 -L root -U 11111111-2222-3333-4444-555555555555 -E offset=1048576 disk "
      "32M");
  const auto layout = probe();
  EXPECT_EQ(layout.table, "gpt");
  ASSERT_EQ(layout.partitions.size(), 2U);
  const Partition& first = layout.partitions[0];
  EXPECT_EQ(first.number, 1U);
  EXPECT_EQ(first.start, kMiB);
  EXPECT_EQ(first.size, 32 * kMiB);
  EXPECT_EQ(first.fstype, "ext4");
  EXPECT_EQ(first.label, "root");
  EXPECT_EQ(first.uuid, "11111111-2222-3333-4444-555555555555");
  EXPECT_EQ(layout.partitions[1].fstype, "");
  EXPECT_THAT(layout.warnings, IsEmpty());
}

TEST_F(PartitionTable, MbrWithLogicalPartitionsFarAway) {
  make_disk(256 * kMiB);
  partition(
      "label: dos\nstart=2048, size=2048, type=83\nstart=8192, type=5\n"
      "start=10240, size=2048, type=83\nstart=400000, size=20480, type=83");
  shell("mke2fs -q -t ext2 -L far -E offset=$((400000 * 512)) disk 10M");
  const auto layout = probe();
  EXPECT_EQ(layout.table, "dos");
  ASSERT_EQ(layout.partitions.size(), 4U);
  EXPECT_EQ(layout.partitions[3].number, 6U);
  EXPECT_EQ(layout.partitions[3].start, 400000U * 512);
  EXPECT_EQ(layout.partitions[3].label, "far");
  EXPECT_THAT(layout.warnings, IsEmpty());
}

TEST_F(PartitionTable, OfADiskThatWasCut) {
  make_disk(64 * kMiB);
  partition("label: dos\nstart=2048, size=65536\nstart=67584, size=2048\nstart=69632, size=2048");
  resize(67584 * 512 + kMiB / 2);
  auto layout = probe();
  ASSERT_EQ(layout.partitions.size(), 2U);
  EXPECT_EQ(layout.partitions[1].size, kMiB / 2);
  EXPECT_THAT(layout.warnings, ElementsAre(HasSubstr("partition 2 ends after the end"),
                                           HasSubstr("partition 3 starts after the end")));
}

TEST_F(PartitionTable, H80_ALoopOfExtendedRecordsEnds) {
  make_disk(64 * kMiB);
  partition("label: dos\nstart=2048, type=5\nstart=4096, size=2048, type=83");
  // The second entry of the extended record points at the record itself: type 5, offset 0.
  patch(2048 * 512 + 462 + 4, "\\005");
  patch(2048 * 512 + 462 + 12, "\\000\\010\\000\\000");
  const auto layout = probe();
  EXPECT_EQ(layout.partitions.size(), 2U);
  EXPECT_TRUE(layout.is_excessive);
  EXPECT_THAT(layout.warnings, ElementsAre(HasSubstr("is endless")));
}

TEST_F(PartitionTable, H80_TwoExtendedRecordsThatPointAtEachOther) {
  make_disk(64 * kMiB);
  partition(
      "label: dos\nstart=2048, type=5\nstart=4096, size=2048, type=83\n"
      "start=8192, size=2048, type=83");
  // sfdisk places the second record right after the first partition, at sector 6144.
  patch(6144 * 512 + 462 + 4, "\\005");
  patch(6144 * 512 + 462 + 12, "\\000\\020\\000\\000");
  const auto layout = probe();
  EXPECT_EQ(layout.partitions.size(), 3U);
  EXPECT_TRUE(layout.is_excessive);
}

TEST_F(PartitionTable, H80_OfVeryManyLogicalPartitions16AreBelieved) {
  make_disk(256 * kMiB);
  std::string script = "label: dos\nstart=2048, type=5\n";
  for (int i = 1; i <= 40; ++i) {
    script += "start=" + std::to_string(i * 4096) + ", size=2048, type=83\n";
  }
  partition(script);
  const auto layout = probe();
  EXPECT_EQ(layout.partitions.size(), 16U);
  EXPECT_TRUE(layout.is_excessive);
  EXPECT_THAT(layout.warnings,
              ElementsAre(HasSubstr("only the first 16"), HasSubstr("is endless")));
}

// Each partition costs memory and two reads: 128 partitions of a small image took 250 MB.
TEST_F(PartitionTable, H80_OfVeryManyPartitions16AreBelieved) {
  make_disk(256 * kMiB);
  std::string script = "label: gpt\n";
  for (int i = 1; i <= 100; ++i) script += "start=" + std::to_string(i * 4096) + ", size=4096\n";
  partition(script);
  const auto layout = probe();
  EXPECT_EQ(layout.partitions.size(), 16U);
  EXPECT_EQ(layout.partitions[15].number, 16U);
  EXPECT_TRUE(layout.is_excessive);
  EXPECT_THAT(layout.warnings, ElementsAre(HasSubstr("has 100 entries")));
}

}  // namespace
}  // namespace ploopu::testing
