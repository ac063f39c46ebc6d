// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/format/format_extension.hpp"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/disk/disk.hpp"
#include "tests/support/extension_builder.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kCluster = 4096;
constexpr uint64_t kExtensionSector = 16;  // clusters: 0 head, 1 data, 2 extension, 3 bitmap
constexpr uint64_t kBitmapSector = 24;

// Eight clusters of disk, of which the first is there.
PloopSpec spec_of_image() {
  return {.cluster_sectors = 8,
          .disk_sectors = 64,
          .bat = {1, 0, 0, 0, 0, 0, 0, 0},
          .in_use = kV21,
          .extension_sector = kExtensionSector};
}

struct Image {
  PloopSpec spec = spec_of_image();
  Bytes extension = extension_cluster({}, kCluster);
  Bytes bits = Bytes(kCluster);

  [[nodiscard]] std::shared_ptr<MemoryFile> file() const {
    auto file = ploop_file(spec);
    file->write(kCluster, pattern(kCluster, 1));
    file->write(kExtensionSector * 512, extension);
    file->write(kBitmapSector * 512, bits);
    return file;
  }
};

FormatExtension read(std::shared_ptr<const ImageFile> file) {
  return ExtensionReader().read(open_ploop(std::move(file)));
}

FormatExtension read(const Image& image) { return read(image.file()); }

FormatExtension read_features(const std::vector<Bytes>& features) {
  return read(Image{.extension = extension_cluster(features, kCluster)});
}

FormatExtension read_bitmap(const BitmapSpec& spec) {
  return read_features({feature(kBitmapFeature, bitmap_data(spec))});
}

void expect_corrupt(const FormatExtension& extension, const std::string& words) {
  EXPECT_EQ(extension.state, ExtensionState::corrupt);
  EXPECT_THAT(extension.reason, HasSubstr(words));
  EXPECT_THAT(extension.bitmaps, IsEmpty());
}

uint64_t dirty_bytes(const FormatExtension& extension) {
  EXPECT_EQ(extension.state, ExtensionState::valid) << extension.reason;
  if (extension.bitmaps.size() != 1 || !extension.bitmaps[0].dirty_bytes) return UINT64_MAX;
  return *extension.bitmaps[0].dirty_bytes;
}

TEST(FormatExtension, AFileWithoutOne) {
  Image image;
  image.spec.extension_sector = 0;
  EXPECT_EQ(read(image).state, ExtensionState::none);
  EXPECT_EQ(ExtensionReader().read(open_raw(image.file(), 8)).state, ExtensionState::none);
}

TEST(FormatExtension, ABitmapWithIdGranularityAndWhatIsDirty) {
  Image image;
  image.extension = extension_cluster(
      {feature(kBitmapFeature, bitmap_data({.granularity = 4, .table = {kBitmapSector}}))},
      kCluster);
  image.bits[0] = std::byte{0b101};
  image.bits[1] = std::byte{0b1000'0000};
  image.bits[2] = std::byte{0xFF};  // after the 16 bits that the disk has
  const auto extension = read(image);
  EXPECT_EQ(extension.state, ExtensionState::valid);
  EXPECT_EQ(extension.clusters, 2U);
  ASSERT_THAT(extension.bitmaps, SizeIs(1));
  EXPECT_EQ(extension.bitmaps[0].id, "00010203-0405-0607-0809-0a0b0c0d0e0f");
  EXPECT_EQ(extension.bitmaps[0].size, 64 * 512U);
  EXPECT_EQ(extension.bitmaps[0].granularity, 4 * 512U);
  EXPECT_EQ(extension.bitmaps[0].dirty_bytes, 3 * 4 * 512U);
}

TEST(FormatExtension, AllClearAllSetAndNoTable) {
  EXPECT_EQ(dirty_bytes(read_bitmap({.table = {0}})), 0U);
  EXPECT_EQ(dirty_bytes(read_bitmap({.table = {1}})), 64 * 512U);
  // libploop writes one without a table for a bitmap that has just begun.
  EXPECT_EQ(dirty_bytes(read_bitmap({.table = {}})), 0U);
}

TEST(FormatExtension, TheLastBitStandsForWhatTheDiskHasOfIt) {
  EXPECT_EQ(dirty_bytes(read_bitmap({.granularity = 128, .table = {1}})), 64 * 512U);
  Image image;
  image.spec.disk_sectors = 61;
  image.extension = extension_cluster(
      {feature(kBitmapFeature,
               bitmap_data({.sectors = 61, .granularity = 8, .table = {kBitmapSector}}))},
      kCluster);
  image.bits[0] = std::byte{0b1000'0001};
  EXPECT_EQ(dirty_bytes(read(image)), (8 + 5) * 512U);
  image.bits[0] = std::byte{0b0000'0001};
  EXPECT_EQ(dirty_bytes(read(image)), 8 * 512U);
}

// A bitmap of several clusters: 8 * 512 bits in each.
TEST(FormatExtension, ATableOfSeveralEntries) {
  constexpr uint64_t kBits = 3 * 8 * 512 + 20;
  PloopSpec spec = {.cluster_sectors = 1,
                    .disk_sectors = kBits,
                    .bat = std::vector<uint32_t>(16),
                    .in_use = kV21,
                    .extension_sector = 1};
  auto file = ploop_file(spec);
  const BitmapSpec bitmap = {.sectors = kBits, .table = {1, 2, 0, 3}};
  file->write(512, extension_cluster({feature(kBitmapFeature, bitmap_data(bitmap))}, 512));
  file->write(1024, Bytes(512, std::byte{0x0F}));
  file->write(1536, Bytes(3, std::byte{0xFF}));  // no more is needed of it
  const auto extension = read(file);
  EXPECT_EQ(dirty_bytes(extension), (8 * 512 + 4 * 512 + 20) * 512U);
  EXPECT_EQ(extension.clusters, 3U);
}

TEST(FormatExtension, OtherValuesOfDiskInUse) {
  Image image;
  for (const uint32_t value : {0U, 1U, 0x32326470U}) {
    image.spec.in_use = value;
    const auto extension = read(image);
    EXPECT_EQ(extension.state, ExtensionState::stale);
    EXPECT_THAT(extension.reason, HasSubstr(fmt::format("m_DiskInUse is {:#x}", value)));
  }
  image.spec.in_use = kDiskInUse;
  EXPECT_EQ(read(image).state, ExtensionState::untrusted);
  EXPECT_THAT(read(image).message("F"), HasSubstr("F: the format extension (dirty bitmaps) is "
                                                  "untrusted: the image was not closed"));
}

TEST(FormatExtension, Row55_DataIsTheSameWhateverTheExtensionIs) {
  Image image;
  for (const uint32_t in_use : {0U, kDiskInUse, kV21}) {
    for (const uint64_t sector : {uint64_t{0}, kExtensionSector, uint64_t{1}, UINT64_MAX}) {
      image.spec.in_use = in_use;
      image.spec.extension_sector = sector;
      const auto disk = Disk::assemble(chain(open_ploop(image.file())));
      ASSERT_TRUE(disk);
      Bytes data(2 * kCluster);
      ASSERT_EQ(disk->read(0, data), 0);
      Bytes expected = pattern(kCluster, 1);
      expected.resize(2 * kCluster);
      EXPECT_EQ(data, expected);
    }
  }
}

TEST(FormatExtension, H19_OffsetsWhereNoClusterIs) {
  Image image;
  const uint64_t sectors = image.file()->size() / 512;
  for (const uint64_t offset : {sectors, sectors + 1, sectors - 7, uint64_t{1} << 55,
                                (uint64_t{1} << 55) + 2, uint64_t{1} << 63, UINT64_MAX}) {
    image.spec.extension_sector = offset;
    expect_corrupt(read(image), fmt::format("m_FormatExtensionOffset is {} sectors", offset));
  }
  image.spec.extension_sector = sectors - 8;
  expect_corrupt(read(image), "magic");
}

TEST(FormatExtension, H19_AnOffsetInsideTheTable) {
  auto spec = spec_of_image();
  spec.bat.resize(2000);  // to byte 8064
  spec.disk_sectors = 16000;
  for (const uint64_t sector : {1U, 8U, 15U}) {
    spec.extension_sector = sector;
    auto file = ploop_file(spec);
    file->set_size(100000);
    expect_corrupt(read(file), "the table's end at byte 8064");
  }
}

// libploop puts it after the last byte of the file, rounded to a sector; its content says
// whether the offset is right.
TEST(FormatExtension, H19_AnOffsetThatIsNoMultipleOfTheCluster) {
  Image image;
  image.spec.extension_sector = kExtensionSector + 3;
  expect_corrupt(read(image), "magic");
  auto file = ploop_file(image.spec);
  file->write((kExtensionSector + 3) * 512, image.extension);
  EXPECT_EQ(read(file).state, ExtensionState::valid);
}

TEST(FormatExtension, H20_AWrongMagic) {
  Image image;
  image.extension[0] ^= std::byte{1};
  expect_corrupt(read(image), "magic at file byte 8192 is 0xab234cef23dcea86");
}

TEST(FormatExtension, H20_AWrongMd5) {
  for (const size_t at : {size_t{8}, size_t{23}, size_t{24}, kCluster - 1}) {
    Image image;
    image.extension[at] ^= std::byte{1};
    expect_corrupt(read(image), "MD5");
  }
}

TEST(FormatExtension, H20_AWrongMd5OfAClusterThatIsReadInPieces) {
  PloopSpec spec = {.cluster_sectors = 5000, .disk_sectors = 5000, .bat = {0}, .in_use = kV21};
  spec.extension_sector = 5000;
  auto file = ploop_file(spec);
  Bytes cluster = extension_cluster({feature(1, Bytes(2000000, std::byte{7}))}, 5000 * 512);
  file->write(5000 * 512, cluster);
  EXPECT_EQ(read(file).state, ExtensionState::valid);
  cluster[1500000] ^= std::byte{1};
  file->write(5000 * 512, cluster);
  expect_corrupt(read(file), "MD5");
}

TEST(FormatExtension, H20_UnknownFeatures) {
  const Bytes bitmap = feature(kBitmapFeature, bitmap_data({.table = {1}}));
  const Bytes unknown_data = Bytes(13, std::byte{1});
  for (const uint64_t flags : {0U, 2U}) {
    const auto ignored = read_features({feature(0x4711, unknown_data, flags), bitmap});
    EXPECT_EQ(dirty_bytes(ignored), 64 * 512U);
    EXPECT_THAT(ignored.ignored_features, ElementsAre(0x4711));
  }
  for (const uint64_t flags : {1U, 3U}) {
    const auto needed = read_features({feature(0x4711, unknown_data, flags), bitmap});
    EXPECT_EQ(needed.state, ExtensionState::unknown);
    EXPECT_THAT(needed.reason, HasSubstr("it needs the unknown feature 0x4711"));
    EXPECT_THAT(needed.bitmaps, SizeIs(1));
  }
}

TEST(FormatExtension, H20_AFeatureLargerThanItsCluster) {
  for (const uint32_t size : {uint32_t{kCluster} - 24 - 24 + 1, uint32_t{kCluster}, UINT32_MAX}) {
    expect_corrupt(read_features({feature(kBitmapFeature, bitmap_data({}), 0, size)}),
                   fmt::format("has {} bytes, but only 4048 remain in the cluster", size));
  }
}

TEST(FormatExtension, H20_FeaturesThatFillTheCluster) {
  constexpr uint32_t kRest = kCluster - 24 - 24;
  expect_corrupt(read_features({feature(kBitmapFeature, bitmap_data({}), 0, kRest)}),
                 "does not end in its cluster");
  expect_corrupt(read_features({feature(kBitmapFeature, bitmap_data({}), 0, kRest - 16)}),
                 "does not end in its cluster");
  EXPECT_EQ(read_features({feature(kBitmapFeature, bitmap_data({}), 0, kRest - 24)}).state,
            ExtensionState::valid);
}

TEST(FormatExtension, H20_ASecondFeatureOutOfBounds) {
  constexpr uint32_t kFirst = kCluster - 40 - 24 - 24;
  Bytes first = bitmap_data({});
  first.resize(kFirst);
  expect_corrupt(read_features({feature(kBitmapFeature, first),
                                feature(kBitmapFeature, bitmap_data({.table = {0}}))}),
                 "has 40 bytes, but only 16 remain in the cluster");
}

TEST(FormatExtension, H20_MoreFeaturesThanAnybodyHas) {
  expect_corrupt(read_features(std::vector<Bytes>(100, feature(1, {}))), "more than 64 features");
}

TEST(FormatExtension, H20_ABitmapShorterThanItsHead) {
  expect_corrupt(read_features({feature(kBitmapFeature, Bytes(31))}), "31 bytes instead of");
}

TEST(FormatExtension, H20_AGranularityThatIsNone) {
  for (const uint32_t granularity : {0U, 3U, 1U << 23, 0x80000000U, 0xFFFFFFFFU}) {
    expect_corrupt(read_bitmap({.granularity = granularity, .table = {0}}),
                   fmt::format("granularity is {} sectors", granularity));
  }
  EXPECT_EQ(dirty_bytes(read_bitmap({.granularity = 1U << 22, .table = {1}})), 64 * 512U);
}

TEST(FormatExtension, H20_ABitmapOfAnotherDisk) {
  for (const uint64_t sectors : {uint64_t{0}, uint64_t{63}, UINT64_MAX}) {
    expect_corrupt(read_bitmap({.sectors = sectors, .table = {0}}),
                   fmt::format("for {} sectors, but the disk has 64", sectors));
  }
}

TEST(FormatExtension, H20_ATableOfTheWrongLength) {
  for (const uint32_t entries : {2U, 1000U, 0x20000000U, 0x20000001U, UINT32_MAX}) {
    expect_corrupt(read_bitmap({.table = {0}, .table_entries = entries}),
                   fmt::format("its table has {} entries in 8 bytes: must have 0 or 1", entries));
  }
  expect_corrupt(read_bitmap({.table = {0, 0}}), "2 entries in 16 bytes");
  expect_corrupt(read_bitmap({.table = {}, .table_entries = 1}), "1 entries in 0 bytes");
}

TEST(FormatExtension, H20_ATableEntryThatLeadsOutOfTheData) {
  for (const uint64_t entry : {UINT64_MAX, uint64_t{1} << 63, uint64_t{1} << 55,
                               (uint64_t{1} << 55) + kBitmapSector, uint64_t{32}, uint64_t{33}}) {
    expect_corrupt(read_bitmap({.table = {entry}}), fmt::format("part 0 is at sector {}", entry));
  }
  auto image = Image{
      .extension = extension_cluster(
          {feature(kBitmapFeature, bitmap_data({.sectors = 16000, .table = {2}}))}, kCluster)};
  image.spec.bat.resize(2000);
  image.spec.disk_sectors = 16000;
  expect_corrupt(read(image), "part 0 is at sector 2:");
}

TEST(FormatExtension, ASectorThatCannotBeRead) {
  Image image;
  image.extension = extension_cluster(
      {feature(kBitmapFeature, bitmap_data({.table = {kBitmapSector}}))}, kCluster);
  for (const uint64_t bad : {kExtensionSector * 512 + 1, kExtensionSector * 512 + 100,
                             kExtensionSector * 512 + kCluster - 1, kBitmapSector * 512}) {
    auto file = image.file();
    file->fail_at(bad, EIO);
    expect_corrupt(read(file), "Input/output error");
  }
}

// 64 MiB clusters: the largest extension, with a bitmap of 64 MiB, takes all that one reader reads.
TEST(FormatExtension, H20_TheLargestExtensionsAreBounded) {
  constexpr uint64_t kLarge = 64 << 20;
  constexpr uint64_t kSectors = 3 * kLarge * 8;
  PloopSpec spec = {.cluster_sectors = kLarge / 512,
                    .disk_sectors = kSectors,
                    .bat = std::vector<uint32_t>(kSectors / (kLarge / 512)),
                    .in_use = kV21,
                    .extension_sector = kLarge / 512};
  auto file = ploop_file(spec);
  const uint64_t part = 2 * kLarge / 512;
  const BitmapSpec bitmap = {.sectors = kSectors, .table = {part, 1, part}};
  file->write(kLarge, extension_cluster({feature(kBitmapFeature, bitmap_data(bitmap))}, kLarge));
  file->set_size(3 * kLarge);
  const auto start = std::chrono::steady_clock::now();
  ExtensionReader reader;
  const auto first = reader.read(open_ploop(file));
  EXPECT_EQ(first.state, ExtensionState::valid) << first.reason;
  ASSERT_THAT(first.bitmaps, SizeIs(1));
  EXPECT_EQ(first.bitmaps[0].dirty_bytes, std::nullopt);
  const auto second = reader.read(open_ploop(file));
  EXPECT_EQ(second.state, ExtensionState::unknown);
  EXPECT_THAT(second.reason, HasSubstr("run it on this file alone"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

}  // namespace
}  // namespace ploopu::testing
