// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/image_state.hpp"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const FileState kBase{{8, 1}, "/vz/base", 4096, 1000};
const FileState kTop{{8, 2}, "/vz/top", 4096, 2000};

FileState written(FileState file) {
  ++file.modified;
  return file;
}

TEST(FileChanges, WhatBecameOfAFile) {
  FileState now = kBase;
  now.path = "/elsewhere";  // its name says nothing
  EXPECT_EQ(compare(kBase, {0, now}), FileChange::none);
  EXPECT_EQ(compare(kBase, {0, written(kBase)}), FileChange::written);
  now.size = 4097;
  EXPECT_EQ(compare(kBase, {0, now}), FileChange::written);
  now = kBase;
  now.identity.inode = 3;
  EXPECT_EQ(compare(kBase, {0, now}), FileChange::replaced);
  now.identity = {9, 1};
  EXPECT_EQ(compare(kBase, {0, now}), FileChange::replaced);
  EXPECT_EQ(compare(kBase, {ENOENT, {}}), FileChange::gone);
  EXPECT_EQ(compare(kBase, {ENOTDIR, {}}), FileChange::gone);
  for (const int error : {EACCES, EIO, ESTALE, ETIMEDOUT}) {
    EXPECT_EQ(compare(kBase, {error, {}}), FileChange::unknown);
  }
}

TEST(ImageStates, AreOfTheSameFilesWhateverWasWrittenToThem) {
  const ImageState then{{kBase, kTop}};
  EXPECT_TRUE(has_same_files(then, {{written(kBase), written(kTop)}}));
  EXPECT_FALSE(has_same_files(then, {{kBase}}));
  EXPECT_FALSE(has_same_files(then, {{kTop, kBase}}));
  EXPECT_TRUE(has_same_top(then, {{written(kTop)}}));
  EXPECT_FALSE(has_same_top(then, {{kBase}}));
  EXPECT_FALSE(has_same_top({}, {}));
}

TEST(ImageStates, OneCertainChangeIsEnough) {
  const ImageState then{{kBase, kTop}};
  const FileNow same{0, kBase};
  const FileNow changed{0, written(kTop)};
  const FileNow silent{ETIMEDOUT, {}};
  EXPECT_EQ(compare(then, {same, {0, kTop}}, false).any, false);
  EXPECT_EQ(compare(then, {same, changed}, false).any, true);
  EXPECT_EQ(compare(then, {same, silent}, false).any, std::nullopt);
  EXPECT_EQ(compare(then, {silent, {0, kTop}}, false).any, std::nullopt);
  EXPECT_EQ(compare(then, {silent, changed}, false).any, true);
  EXPECT_EQ(compare(then, {changed, silent}, false).any, true);
}

TEST(ImageStates, EachChangeHasALine) {
  const ImageState then{{kBase, kTop}};
  EXPECT_THAT(compare(then, {{ETIMEDOUT, {}}, {EACCES, {}}}, false).lines,
              ElementsAre("/vz/base: does not answer: it may have been modified",
                          "/vz/top: can't be accessed: it may have been modified"));
  EXPECT_THAT(
      compare(then, {{ENOENT, {}}, {0, kBase}}, true).lines,
      ElementsAre("/vz/base: was removed: its contents are served until you detach the image",
                  "/vz/top: was replaced: the old file is served until you detach the image"));
  const ImageState now{{kBase, written(kTop)}};
  EXPECT_THAT(compare(then, now, false).lines,
              ElementsAre("/vz/top: was modified while attached: reads may mix old "
                          "and new data"));
  EXPECT_THAT(compare(then, now, true).lines,
              ElementsAre("/vz/top: was modified while attached: all reads fail "
                          "(--strict)"));
}

// A record of an older version has only identities.
TEST(ImageStates, WhatIsNotKnownIsNotSaid) {
  const ImageState old{{{kBase.identity, "", 0, 0}}};
  EXPECT_EQ(compare(old, ImageState{{kBase}}, false).any, std::nullopt);
  EXPECT_EQ(compare(ImageState(), ImageState(), false).any, std::nullopt);
  const auto other = compare(ImageState{{kBase}}, ImageState{{kTop}}, false);
  EXPECT_EQ(other.any, std::nullopt);
  EXPECT_THAT(other.lines, IsEmpty());
}

}  // namespace
}  // namespace ploopu::testing
