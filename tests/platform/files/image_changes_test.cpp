// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/image_changes.hpp"

#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/files/posix_file_system.hpp"
#include "tests/support/silent_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ImageChangesTest : public ::testing::Test {
 protected:
  ImageChangesTest() {
    for (const char* name : {"base", "top"}) {
      dir_.write(name, "0123456789");
      state_.files.push_back(state_of_file(name));
    }
  }

  FileState state_of_file(const std::string& name) const {
    const auto file = PosixFileSystem().open_image(dir_ / name);
    return {(*file)->identity(), dir_ / name, (*file)->size(), (*file)->modified()};
  }
  ImageChanges changes() const { return find_changes({{state_, false}}).front(); }

  TemporaryDirectory dir_;
  ImageState state_;
};

TEST_F(ImageChangesTest, FilesAreUnchangedUntilSomebodyChangesThem) {
  EXPECT_EQ(changes().any, false);
  EXPECT_THAT(changes().lines, IsEmpty());
}

TEST_F(ImageChangesTest, R13_H31_OneThatWasWrittenToIsNamed) {
  const auto before = std::filesystem::last_write_time(dir_ / "base");
  dir_.write("base", "9876543210");
  std::filesystem::last_write_time(dir_ / "base", before + std::chrono::nanoseconds(1));
  EXPECT_EQ(changes().any, true);
  EXPECT_THAT(changes().lines, ElementsAre(StartsWith(dir_ / "base: was modified")));
  // A change of the size alone is noticed, too.
  std::filesystem::resize_file(dir_ / "base", 5);
  std::filesystem::last_write_time(dir_ / "base", before);
  EXPECT_EQ(changes().any, true);
}

TEST_F(ImageChangesTest, R12_OnesThatWereRemovedOrReplacedAreNamed) {
  std::filesystem::rename(dir_ / "base", dir_ / "moved");
  dir_.write("new", "0123456789");
  std::filesystem::rename(dir_ / "new", dir_ / "top");
  EXPECT_EQ(changes().any, true);
  EXPECT_THAT(changes().lines, ElementsAre(StartsWith(dir_ / "base: was removed"),
                                           StartsWith(dir_ / "top: was replaced")));
}

TEST_F(ImageChangesTest, WhatCanNotBeLookedAtIsNotKnown) {
  state_.files[0].path += std::string(5000, 'x');
  EXPECT_EQ(changes().any, std::nullopt);
  EXPECT_THAT(changes().lines, ElementsAre(StartsWith(dir_ / "base")));
  std::filesystem::remove(dir_ / "top");
  EXPECT_EQ(changes().any, true);
}

TEST_F(ImageChangesTest, EachOfManyImagesHasItsOwn) {
  dir_.write("other", "0123456789");
  const ImageState other{{state_of_file("other")}};
  const ImageState unknown;
  dir_.write("other", "longer than it was");
  const auto all = find_changes({{state_, false}, {other, true}, {unknown, false}, {state_, true}});
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].any, false);
  EXPECT_EQ(all[1].any, true);
  EXPECT_THAT(all[1].lines, ElementsAre(dir_ / "other: was modified while attached: all reads "
                                               "fail (--strict)"));
  EXPECT_EQ(all[2].any, std::nullopt);
  EXPECT_EQ(all[3].any, false);
  EXPECT_THAT(find_changes({}), IsEmpty());
}

TEST_F(ImageChangesTest, A07_ManyImagesOnStorageThatNeverAnswersTakeThreeSecondsTogether) {
  const SilentFileSystem silent(dir_ / "silent");
  if (!silent.is_mounted()) GTEST_SKIP() << "needs root and /dev/fuse";
  ImageState hung = state_;
  hung.files[1].path = dir_ / "silent/top";
  std::vector<AskedImage> asked;
  for (int i = 0; i < 8; ++i) {
    asked.push_back({hung, false});
    asked.push_back({state_, false});
  }
  const auto start = std::chrono::steady_clock::now();
  const auto all = find_changes(asked);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
  ASSERT_EQ(all.size(), asked.size());
  for (size_t i = 0; i < all.size(); i += 2) {
    EXPECT_EQ(all[i].any, std::nullopt);
    EXPECT_THAT(all[i].lines, ElementsAre(StartsWith(dir_ / "silent/top")));
    EXPECT_EQ(all[i + 1].any, false) << "it answers";
  }
}

}  // namespace
}  // namespace ploopu::testing
