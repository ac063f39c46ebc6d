// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/overlay/overlay_file.hpp"

#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/overlay/overlay.hpp"
#include "core/overlay/served_disk.hpp"
#include "tests/support/memory_scratch.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kBaseCluster = 64 * 512;
constexpr uint64_t kBaseClusters = 560;  // a piece of 16 MiB and a part of one
constexpr uint64_t kBaseSize = kBaseClusters * kBaseCluster;
constexpr char kName[] = "/scratch/101.overlay";

Image make_image(uint32_t seed = 0) {
  PloopSpec spec{.cluster_sectors = 64, .disk_sectors = kBaseSize / 512};
  spec.bat.resize(kBaseClusters);
  for (uint32_t i = 0; i < kBaseClusters; i += 2) spec.bat[i] = 1 + i / 2;
  auto file = ploop_file(spec);
  for (uint32_t i = 0; i < kBaseClusters; i += 2) {
    file->write((1 + i / 2) * kBaseCluster, pattern(kBaseCluster, i + seed));
  }
  ImageLocation location;
  location.path = "/vz/private/101/root.hdd";
  return {location, *Disk::assemble(chain(open_ploop(file))), {}, {}};
}

// An overlay file as a server has it.
struct Session {
  Session(const Image& image, const MemoryScratch& scratch, bool is_new)
      : states(kBaseSize),
        file(is_new ? OverlayFile::create(scratch, kName, describe_base(image))
                    : OverlayFile::open(scratch, kName, describe_base(image))) {
    if (file && !is_new) loaded = file->load(scratch, kName, states);
    if (file && loaded) overlay.emplace(image.disk, scratch, states, kBaseSize, &*file);
  }

  [[nodiscard]] Bytes read(const Image& image, uint64_t offset, uint64_t length) {
    Bytes out(length);
    EXPECT_EQ(ServedDisk(image.disk, &*overlay).view().read(offset, out), 0);
    return out;
  }

  OwnStates states;
  Result<OverlayFile> file;
  Result<void> loaded;
  std::optional<Overlay> overlay;
};

class OverlayFileTest : public ::testing::Test {
 protected:
  std::string refusal_of(const Image& image) {
    const Session session(image, scratch_, false);
    if (!session.file) return session.file.error().message;
    return session.loaded ? "none" : session.loaded.error().message;
  }

  Image image_ = make_image();
  MemoryScratch scratch_{OverlayFile::size_for(kBaseSize), std::byte{0}};
};

TEST_F(OverlayFileTest, WhatWasWrittenIsThereTheNextTime) {
  Bytes model;
  {
    Session first(image_, scratch_, true);
    ASSERT_EQ(first.overlay->write(700, pattern(100000, 1)), 0);
    ASSERT_EQ(first.overlay->write(15 << 20, pattern(2 << 20, 2)), 0);
    ASSERT_EQ(first.overlay->write_zeroes(10 << 20, 1 << 20), 0);
    model = first.read(image_, 0, kBaseSize);
    ASSERT_EQ(first.overlay->close(), 0);
  }
  Session second(image_, scratch_, false);
  EXPECT_FALSE(second.file->was_cut_short());
  EXPECT_EQ(second.read(image_, 0, kBaseSize), model);
  // The whole of a piece is zeros, and then a part of it is not.
  ASSERT_EQ(second.overlay->write_zeroes(0, kBaseSize), 0);
  ASSERT_EQ(second.overlay->flush(), 0);
  ASSERT_EQ(second.overlay->write(4096, pattern(512, 3)), 0);
  ASSERT_EQ(second.overlay->close(), 0);
  Bytes zeros(kBaseSize);
  const Bytes sector = pattern(512, 3);
  std::copy(sector.begin(), sector.end(), zeros.begin() + 4096);
  Session third(image_, scratch_, false);
  EXPECT_EQ(third.read(image_, 0, kBaseSize), zeros);
  EXPECT_EQ(third.overlay->used(), 512U);
}

TEST_F(OverlayFileTest, OnlyWhoeverWroteAndDidNotCloseItLeavesItCutShort) {
  { Session session(image_, scratch_, true); }
  EXPECT_FALSE(*OverlayFile::was_cut_short(scratch_, kName));
  Session session(image_, scratch_, false);
  EXPECT_FALSE(*OverlayFile::was_cut_short(scratch_, kName));
  ASSERT_EQ(session.overlay->write_zeroes(0, 512), 0);
  ASSERT_EQ(session.overlay->flush(), 0);
  EXPECT_TRUE(*OverlayFile::was_cut_short(scratch_, kName));
  EXPECT_TRUE(Session(image_, scratch_, false).file->was_cut_short());
  ASSERT_EQ(session.overlay->close(), 0);
  EXPECT_FALSE(*OverlayFile::was_cut_short(scratch_, kName));
}

// A disk that loses what it had not been told to keep: each sector is as it was at the last flush,
// or as something later made it.
TEST_F(OverlayFileTest, AHostThatCrashesLosesNothingThatWasFlushed) {
  std::mt19937 random(5);
  const auto up_to = [&](uint64_t most) {
    return std::uniform_int_distribution<uint64_t>(0, most)(random);
  };
  { Session session(image_, scratch_, true); }
  for (int round = 0; round < 25; ++round) {
    Session session(image_, scratch_, false);
    ASSERT_TRUE(session.overlay) << refusal_of(image_);
    Bytes flushed = session.read(image_, 0, kBaseSize);
    std::map<uint64_t, std::set<Bytes>> later;  // by sector
    for (uint64_t step = up_to(12); step > 0; --step) {
      const uint64_t first = up_to(3) == 0 ? 0 : up_to(kBaseSize / 512 - 1);
      const uint64_t most = first == 0 && up_to(1) == 0 ? kBaseSize / 512 : up_to(80);
      const uint64_t count = std::min(kBaseSize / 512 - first, most);
      const Bytes data = up_to(2) == 0 ? Bytes(count * 512)
                                       : pattern(count * 512, static_cast<uint32_t>(random()));
      if (data == Bytes(count * 512)) {
        ASSERT_EQ(session.overlay->write_zeroes(first * 512, count * 512), 0);
      } else {
        ASSERT_EQ(session.overlay->write(first * 512, data), 0);
      }
      for (uint64_t i = 0; i < count; ++i) {
        const auto at = data.begin() + static_cast<ptrdiff_t>(i * 512);
        later[first + i].emplace(at, at + 512);
      }
      if (up_to(4) > 0) continue;
      ASSERT_EQ(session.overlay->flush(), 0);
      flushed = session.read(image_, 0, kBaseSize);
      later.clear();
    }
    // In the middle of saving, perhaps.
    scratch_.good_syncs = static_cast<int>(up_to(3));
    static_cast<void>(session.overlay->flush());
    scratch_.good_syncs = INT_MAX;
    scratch_.crash(random);
    Session after(image_, scratch_, false);
    ASSERT_TRUE(after.overlay) << refusal_of(image_);
    const Bytes now = after.read(image_, 0, kBaseSize);
    for (uint64_t sector = 0; sector < kBaseSize / 512; ++sector) {
      const auto at = static_cast<ptrdiff_t>(sector * 512);
      if (std::equal(now.begin() + at, now.begin() + at + 512, flushed.begin() + at)) continue;
      const Bytes got(now.begin() + at, now.begin() + at + 512);
      ASSERT_TRUE(later[sector].contains(got)) << "round " << round << ", sector " << sector;
    }
  }
}

TEST_F(OverlayFileTest, OneOfAnotherImageOrOfAnotherStateIsRefused) {
  { Session session(image_, scratch_, true); }
  EXPECT_EQ(refusal_of(image_), "none");
  EXPECT_THAT(refusal_of(make_image(1)), HasSubstr("root.hdd in another state, and would corrupt"));
  Image moved = make_image();
  moved.location.path = "/backup/101/root.hdd";
  EXPECT_EQ(refusal_of(moved), "none");
  Image other = make_image(1);
  other.location.path = "/vz/private/102/root.hdd";
  EXPECT_THAT(
      refusal_of(other),
      HasSubstr("belongs to /vz/private/101/root.hdd, and would corrupt /vz/private/102/root.hdd"));
}

TEST_F(OverlayFileTest, WhatIsNoOverlayFileOrADamagedOneIsRefused) {
  EXPECT_THAT(refusal_of(image_), HasSubstr("is not an overlay file"));
  { Session session(image_, scratch_, true); }
  const auto damage = [&](uint64_t offset, uint8_t value) {
    Bytes old(1);
    EXPECT_EQ(scratch_.read(offset, old), 0);
    EXPECT_EQ(scratch_.write(offset, Bytes(1, std::byte{value})), 0);
    const std::string refusal = refusal_of(image_);
    EXPECT_EQ(scratch_.write(offset, old), 0);
    return refusal;
  };
  EXPECT_THAT(damage(16, 2), HasSubstr("overlay version 2"));
  EXPECT_THAT(damage(24, 99), HasSubstr("in another state"));
  EXPECT_THAT(damage(33, 99), HasSubstr("damaged"));
  EXPECT_THAT(damage(4097, 4), HasSubstr("the state of piece 1 is 4"));
  EXPECT_EQ(refusal_of(image_), "none");
  const MemoryScratch empty(100, std::byte{0});
  EXPECT_THAT(OverlayFile::was_cut_short(empty, kName).error().message,
              HasSubstr("is not an overlay file"));
}

TEST_F(OverlayFileTest, AFailureToSaveIsToldAndTriedAgain) {
  Session session(image_, scratch_, true);
  ASSERT_EQ(session.overlay->write(0, pattern(4096, 1)), 0);
  scratch_.error = ENOSPC;
  EXPECT_EQ(session.overlay->flush(), ENOSPC);
  EXPECT_EQ(session.overlay->close(), ENOSPC);
  scratch_.error = 0;
  EXPECT_EQ(session.overlay->close(), 0);
  Session next(image_, scratch_, false);
  EXPECT_EQ(next.read(image_, 0, 4096), pattern(4096, 1));
}

// The kernel says once that it couldn't write, and forgets.
TEST_F(OverlayFileTest, AfterADiskFailedNothingCountsAsSaved) {
  Session session(image_, scratch_, true);
  ASSERT_EQ(session.overlay->write(0, pattern(4096, 1)), 0);
  scratch_.error = EIO;
  EXPECT_EQ(session.overlay->flush(), EIO);
  scratch_.error = 0;
  EXPECT_EQ(session.overlay->flush(), EIO);
  EXPECT_EQ(session.overlay->close(), EIO);
  EXPECT_TRUE(*OverlayFile::was_cut_short(scratch_, kName));
}

// A process that dies while it saves, and the one that goes on with the same states.
TEST_F(OverlayFileTest, WhatAKilledProcessWasSavingIsSavedByTheNext) {
  Session session(image_, scratch_, true);
  ASSERT_EQ(session.overlay->write(0, pattern(4096, 1)), 0);
  ASSERT_EQ(session.overlay->write_zeroes(0, 16 << 20), 0);
  ASSERT_EQ(session.overlay->write(8192, pattern(512, 2)), 0);
  SectorStates& states = session.states;
  uint64_t piece = 0;
  ASSERT_EQ(states.take_changed(piece, 10).size(), 1U);  // and dies
  session.overlay.emplace(image_.disk, scratch_, states, kBaseSize, &*session.file);
  session.overlay->take_over();
  ASSERT_EQ(session.overlay->close(), 0);
  Session next(image_, scratch_, false);
  EXPECT_EQ(next.read(image_, 8192, 512), pattern(512, 2));
  EXPECT_EQ(next.read(image_, 0, 8192), Bytes(8192));
  // Saved once, it isn't saved again.
  piece = 0;
  EXPECT_TRUE(states.take_changed(piece, 10).empty());
}

TEST_F(OverlayFileTest, TheNextProcessKnowsHowMuchIsUsed) {
  OwnStates states(kBaseSize);
  Overlay first(image_.disk, scratch_, states, 8192);
  Overlay second(image_.disk, scratch_, states, 8192);  // forked before the first wrote
  ASSERT_EQ(first.write(0, Bytes(8192)), 0);
  second.take_over();
  EXPECT_EQ(second.used(), 8192U);
  EXPECT_EQ(second.write(65536, Bytes(512)), ENOSPC);
  EXPECT_EQ(second.write_zeroes(0, 512), 0);
  EXPECT_EQ(second.write(65536, Bytes(512)), 0);
}

// Room for what says where the data is, is taken before the data is.
TEST_F(OverlayFileTest, R17_WithoutRoomForStatesNothingIsWritten) {
  Session session(image_, scratch_, true);
  ASSERT_EQ(session.overlay->write(0, pattern(512, 1)), 0);
  scratch_.error = ENOSPC;
  EXPECT_EQ(session.overlay->write_zeroes(17 << 20, 512), ENOSPC);
  EXPECT_EQ(session.read(image_, 0, 512), pattern(512, 1));
}

}  // namespace
}  // namespace ploopu::testing
