// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/ploop_header.hpp"

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

TEST(PloopHeader, Row07_Version1CountsEntriesInSectorsAndHas32BitsOfSize) {
  const auto header = parse({.version = 1, .disk_sectors = 4096, .size_garbage = 0xDEADBEEF});
  ASSERT_TRUE(header);
  EXPECT_EQ(header->version, 1);
  EXPECT_EQ(header->disk_sectors, 4096U);
  EXPECT_EQ(header->entry_unit(), 512U);
}

TEST(PloopHeader, Row14_OnlyTheMagicNumberMeansInUse) {
  EXPECT_TRUE(parse({.in_use = 0x746F6E59})->in_use());
  for (const uint32_t other : {0U, 1U, 0x312e3276U, 0x37316470U}) {
    EXPECT_FALSE(parse({.in_use = other})->in_use()) << other;
  }
}

TEST(PloopHeader, Row11_TheEmptyFlagIsNotBelieved) { EXPECT_TRUE(parse({.bat = {1}, .flags = 1})); }

TEST(PloopHeader, Row12_RefusesACutShortConversion) {
  expect_refused(parse({.flags = 2}), "IMG.idx");
}

TEST(PloopHeader, Row06_RefusesClusterSizesOutsideTheLimits) {
  for (const uint32_t sectors : {0U, 131073U, 0x80000000U, 0xFFFFFFFFU}) {
    expect_refused(parse({.cluster_sectors = sectors}), "m_Sectors");
  }
  for (const uint32_t sectors : {1U, 63U, 504U, 65U, 131072U}) {
    EXPECT_TRUE(parse({.cluster_sectors = sectors})) << sectors;
  }
}

TEST(PloopHeader, Row10_RefusesOtherTypes) { expect_refused(parse({.type = 3}), "m_Type is 3"); }

TEST(PloopHeader, Row18_RefusesATableThatDoesNotFitTheFile) {
  for (const uint32_t entries : {0xFFFFFFFFU, 0x40000001U, 3U}) {
    expect_refused(parse({.bat_entries = entries}, 64 + 4 * 2), "m_Size");
  }
  EXPECT_TRUE(parse({.bat_entries = 2}, 64 + 4 * 2));
}

TEST(PloopHeader, RefusesDisksThatCannotBeReal) {
  for (const uint64_t sectors : {uint64_t{1} << 63, UINT64_MAX, (kMaxDiskSize / 512) + 1}) {
    expect_refused(parse({.disk_sectors = sectors}), "m_SizeInSectors");
  }
  expect_refused(parse({.cluster_sectors = 1, .disk_sectors = kMaxClusters + 1}), "clusters");
}

TEST(PloopHeader, Row64_RefusesWhatIsNoImage) {
  const auto head = ploop_head({});
  for (const size_t length : {1U, 15U, 16U, 63U}) {
    expect_refused(parse_ploop_header(std::span(head).first(length), length, "IMG"), "truncated");
  }
  expect_refused(parse_ploop_header({}, 0, "IMG"), "empty");
  for (size_t i = 0; i < 16; ++i) {
    auto flipped = head;
    flipped[i] ^= std::byte{0x20};
    expect_refused(parse_ploop_header(flipped, kPlenty, "IMG"), "not a ploop image");
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
