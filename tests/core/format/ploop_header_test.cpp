// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/format/ploop_header.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kPlenty = uint64_t{1} << 40;

Result<PloopHeader> parse(const PloopSpec& spec, uint64_t file_size = kPlenty) {
  const Bytes head = ploop_head(spec);
  return parse_ploop_header(std::span(head).first(kPloopHeaderSize), file_size, "IMG");
}

void expect_refused(const Result<PloopHeader>& header, const std::string& words,
                    ErrorKind kind = ErrorKind::damaged) {
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().kind, kind);
  EXPECT_THAT(header.error().message, HasSubstr("IMG: "));
  EXPECT_THAT(header.error().message, HasSubstr(words));
}

TEST(PloopHeader, ReadsVersion2) {
  const auto header = parse({.disk_sectors = uint64_t{5} << 32, .bat = {0, 7}});
  ASSERT_TRUE(header);
  EXPECT_EQ(header->version, 2);
  EXPECT_EQ(header->disk_sectors, uint64_t{5} << 32);
  EXPECT_EQ(header->bat_entries, 2U);
  EXPECT_EQ(header->entry_unit(), 2048 * 512U);
  EXPECT_EQ(header->bat_end(), 72U);
}

TEST(PloopHeader, H13_Row07_Version1CountsEntriesInSectorsAndHas32BitsOfSize) {
  for (const uint32_t garbage : {0U, 1U, 0xDEADBEEFU, 0xFFFFFFFFU}) {
    const auto header = parse({.version = 1, .disk_sectors = 4096, .size_garbage = garbage});
    ASSERT_TRUE(header) << garbage;
    EXPECT_EQ(header->version, 1);
    EXPECT_EQ(header->disk_sectors, 4096U);
    EXPECT_EQ(header->entry_unit(), 512U);
  }
}

TEST(PloopHeader, Row14_OnlyTheMagicNumberMeansInUse) {
  EXPECT_TRUE(parse({.in_use = 0x746F6E59})->in_use());
  for (const uint32_t other : {0U, 1U, 0x312e3276U, 0x37316470U}) {
    EXPECT_FALSE(parse({.in_use = other})->in_use()) << other;
  }
}

TEST(PloopHeader, Row11_TheEmptyFlagIsNotBelieved) { EXPECT_TRUE(parse({.bat = {1}, .flags = 1})); }

TEST(PloopHeader, H18_Row12_RefusesACutShortConversion) {
  for (const int version : {1, 2}) {
    expect_refused(parse({.version = version, .flags = 2}), "IMG.idx");
    expect_refused(parse({.version = version, .flags = 0xFFFFFFFF}), "IMG.idx");
  }
}

TEST(PloopHeader, H05_H07_Row06_RefusesClusterSizesOutsideTheLimits) {
  for (const int version : {1, 2}) {
    for (const uint32_t sectors : {0U, 131073U, 0x80000000U, 0xFFFFFFFFU}) {
      expect_refused(parse({.version = version, .cluster_sectors = sectors}),
                     fmt::format("m_Sectors (cluster size) is {}:", sectors));
    }
    for (const uint32_t sectors : {1U, 63U, 504U, 65U, 2047U, 131072U}) {
      EXPECT_TRUE(parse({.version = version, .cluster_sectors = sectors})) << sectors;
    }
  }
}

TEST(PloopHeader, H04_Row10_RefusesOtherTypes) {
  for (const int version : {1, 2}) {
    for (const uint32_t type : {0U, 1U, 3U, 0x02000000U, 0xFFFFFFFFU}) {
      expect_refused(parse({.version = version, .type = type}), fmt::format("m_Type is {}", type));
    }
  }
}

// The first two times four are 4 and -4 in 32 bits, which would fit.
TEST(PloopHeader, H09_Row18_RefusesATableThatDoesNotFitTheFile) {
  for (const int version : {1, 2}) {
    for (const uint32_t entries : {0x40000001U, 0xFFFFFFFFU, 3U}) {
      expect_refused(parse({.version = version, .bat_entries = entries}, 64 + 4 * 2),
                     fmt::format("m_Size says {}", entries));
    }
    EXPECT_TRUE(parse({.version = version, .bat_entries = 2}, 64 + 4 * 2));
    expect_refused(parse({.version = version, .bat_entries = 2}, 64 + 4 * 2 - 1), "m_Size says 2");
  }
}

TEST(PloopHeader, H12_RefusesDisksThatCannotBeReal) {
  for (const uint64_t sectors : {uint64_t{1} << 63, UINT64_MAX, (kMaxDiskSize / 512) + 1}) {
    expect_refused(parse({.disk_sectors = sectors}), "m_SizeInSectors");
  }
  for (const uint64_t clusters : {kMaxClusters, kMaxClusters + 1}) {
    expect_refused(parse({.cluster_sectors = 1, .disk_sectors = clusters}), "clusters");
  }
}

TEST(PloopHeader, H01_H02_Row64_RefusesWhatIsNoImage) {
  const auto head = ploop_head({});
  for (const size_t length : {1U, 15U, 16U, 63U}) {
    expect_refused(parse_ploop_header(std::span(head).first(length), length, "IMG"), "truncated");
  }
  expect_refused(parse_ploop_header({}, 0, "IMG"), "empty");
  for (const int version : {1, 2}) {
    for (size_t bit = 0; bit < 8 * 16; ++bit) {
      auto flipped = ploop_head({.version = version});
      flipped[bit / 8] ^= std::byte{1} << (bit % 8);
      expect_refused(parse_ploop_header(flipped, kPlenty, "IMG"), "not a ploop image");
    }
  }
}

TEST(PloopHeader, NamesQcow2AndWhatToUseForIt) {
  auto head = ploop_head({});
  head[0] = std::byte{'Q'}, head[1] = std::byte{'F'}, head[2] = std::byte{'I'};
  head[3] = std::byte{0xfb};
  expect_refused(parse_ploop_header(head, kPlenty, "IMG"), "qemu-nbd", ErrorKind::refused);
}

}  // namespace
}  // namespace ploopu::testing
