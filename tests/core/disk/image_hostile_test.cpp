// SPDX-License-Identifier: GPL-2.0-or-later
// Files of any bytes, and files that say something else when they are asked again.
#include <array>
#include <cerrno>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/little_endian.hpp"
#include "core/check/check.hpp"
#include "core/disk/image.hpp"
#include "core/find/locate.hpp"
#include "tests/support/fake_file_system.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kFileSize = 64 << 10;
constexpr uint64_t kMostClusters = 100000;  // larger disks are skipped, since they take too long

// An image with a matching BAT, and a header that is sound, damaged in some fields, or nonsense
// after its magic.
class RandomImage {
 public:
  explicit RandomImage(uint32_t seed) : random_(seed) {
    bytes_ = pattern(kFileSize, seed);
    const auto entries = 1 + number() % 64;
    PloopSpec spec{.version = 1 + static_cast<int>(number() % 2),
                   .cluster_sectors = 1 + number() % 16,
                   .bat = std::vector<uint32_t>(entries)};
    spec.disk_sectors = entries * spec.cluster_sectors;
    for (auto& entry : spec.bat) entry = odd_number();
    const Bytes head = ploop_head(spec);
    std::copy(head.begin(), head.end(), bytes_.begin());
    spoil(number() % 4);
  }

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  uint32_t number() { return static_cast<uint32_t>(random_()); }

  // Returns a number near a limit of some field, or any number.
  uint32_t odd_number() {
    constexpr std::array<uint32_t, 8> kLimits = {0,       1,          127,        131072,
                                                 1 << 26, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    switch (number() % 3) {
      case 0:
        return kLimits[number() % kLimits.size()];
      case 1:
        return number() % 256;
      default:
        return number();
    }
  }

  // Fields of the header, or all that follows the magic.
  void spoil(uint32_t fields) {
    for (uint32_t i = 0; i < fields; ++i) put(16 + number() % 12 * 4);
    if (number() % 8 != 0) return;
    for (size_t at = 16; at < 64; at += 4) put(at);
  }

  void put(size_t at) {
    const uint32_t value = odd_number();
    for (size_t i = 0; i < 4; ++i) bytes_[at + i] = static_cast<std::byte>(value >> (8 * i));
  }

  std::mt19937 random_;
  Bytes bytes_;
};

// Every extent lies where data may lie, and reading agrees with it.
void look_at_all_of(const Disk& disk, const Bytes& file) {
  const Delta& delta = disk.deltas().front();
  for (uint64_t offset = 0; offset < disk.size();) {
    const Extent extent = disk.extent_at(offset, UINT64_MAX);
    ASSERT_GT(extent.length, 0U);
    ASSERT_LE(extent.length, disk.size() - offset);
    Bytes out(std::min<uint64_t>(extent.length, 8192));
    const int error = disk.read(offset, out);
    ASSERT_EQ(error, extent.kind == ExtentKind::unreadable ? EIO : 0);
    if (extent.kind == ExtentKind::zero) {
      ASSERT_EQ(out, Bytes(out.size()));
    }
    if (extent.kind == ExtentKind::data) {
      ASSERT_GE(extent.file_offset, delta.data_start());
      ASSERT_LE(extent.file_offset + extent.length, file.size());
      ASSERT_TRUE(std::equal(out.begin(), out.end(), &file[extent.file_offset]));
    }
    offset += extent.length;
  }
}

TEST(HostileImage, H32_RandomHeadersAndTablesAreRefusedOrServed) {
  size_t refused = 0;
  size_t served = 0;
  for (uint32_t seed = 0; seed < 20000 && !::testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const RandomImage random(seed);
    FakeFileSystem files;
    files.add("/i/image", std::make_shared<MemoryFile>(random.bytes()));
    const auto image =
        open_image(HostTree(files, "/"), *locate_image(HostTree(files, "/"), "/i/image"));
    const auto report =
        check_image(HostTree(files, "/"), *locate_image(HostTree(files, "/"), "/i/image"), "");
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_EQ(report->report.is_readable, image.has_value());
    if (!image) {
      ++refused;
      ASSERT_THAT(image.error().message, HasSubstr("/i/image: "));
      continue;
    }
    if (image->disk.clusters_total() > kMostClusters) continue;
    ++served;
    look_at_all_of(image->disk, random.bytes());
  }
  // Else nothing was tried.
  EXPECT_GT(refused, 2000U);
  EXPECT_GT(served, 2000U);
}

// A file system of a user may answer every read as it likes.
TEST(HostileImage, H35_TheHeaderAndTheTableAreNotReadAgain) {
  for (const int version : {1, 2}) {
    const uint32_t unit = version == 1 ? 8 : 1;
    const PloopSpec spec{
        .version = version, .cluster_sectors = 8, .disk_sectors = 24, .bat = {unit, 0, 2 * unit}};
    const auto file = ploop_file(spec);
    file->write(4096, pattern(8192, 1));
    const auto disk = Disk::assemble(chain(open_ploop(file)));
    ASSERT_TRUE(disk) << disk.error().message;
    for (uint64_t at = 0; at < 4096; ++at) file->fail_at(at, EIO);
    Bytes expected = pattern(8192, 1);
    expected.insert(expected.begin() + 4096, 4096, std::byte{0});
    Bytes out(3 * 4096);
    EXPECT_EQ(disk->read(0, out), 0);
    EXPECT_EQ(out, expected);
  }
}

}  // namespace
}  // namespace ploopu::testing
