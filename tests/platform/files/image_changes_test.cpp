// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/image_changes.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/files/posix_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ChainFiles : public ::testing::Test {
 protected:
  ChainFiles() {
    for (const char* name : {"base", "top"}) {
      dir_.write(name, "0123456789");
      const auto file = PosixFileSystem().open_image(dir_ / name);
      chain_.push_back({(*file)->identity(), dir_ / name, (*file)->size(), (*file)->modified()});
    }
  }

  TemporaryDirectory dir_;
  std::vector<ChainFile> chain_;
};

TEST_F(ChainFiles, AreUnchangedUntilSomebodyChangesThem) {
  const auto changes = find_changes(chain_, false);
  EXPECT_EQ(changes.any, false);
  EXPECT_THAT(changes.lines, IsEmpty());
}

TEST_F(ChainFiles, R13_H31_OneThatWasWrittenToIsNamed) {
  const auto before = std::filesystem::last_write_time(dir_ / "base");
  dir_.write("base", "9876543210");
  std::filesystem::last_write_time(dir_ / "base", before + std::chrono::nanoseconds(1));
  auto changes = find_changes(chain_, false);
  EXPECT_EQ(changes.any, true);
  EXPECT_THAT(changes.lines, ElementsAre(StartsWith(dir_ / "base: was written to")));
  // By its size alone, too.
  std::filesystem::resize_file(dir_ / "base", 5);
  std::filesystem::last_write_time(dir_ / "base", before);
  changes = find_changes(chain_, false);
  EXPECT_EQ(changes.any, true);
}

TEST_F(ChainFiles, R12_OnesThatWereRemovedOrReplacedAreNamed) {
  std::filesystem::rename(dir_ / "base", dir_ / "moved");
  dir_.write("new", "0123456789");
  std::filesystem::rename(dir_ / "new", dir_ / "top");
  const auto changes = find_changes(chain_, false);
  EXPECT_EQ(changes.any, true);
  EXPECT_THAT(changes.lines, ElementsAre(StartsWith(dir_ / "base: is not there any more"),
                                         StartsWith(dir_ / "top: is another file now")));
}

TEST_F(ChainFiles, WhatIsNotKnownIsNotSaid) {
  EXPECT_EQ(find_changes({}, false).any, std::nullopt);
  EXPECT_EQ(find_changes({{chain_[0].identity, "", 0, 0}}, false).any, std::nullopt);
  // A name as long as that can't be looked at.
  chain_[0].path += std::string(5000, 'x');
  const auto changes = find_changes(chain_, false);
  EXPECT_EQ(changes.any, std::nullopt);
  EXPECT_THAT(changes.lines, ElementsAre(StartsWith(dir_ / "base")));
  std::filesystem::remove(dir_ / "top");
  EXPECT_EQ(find_changes(chain_, false).any, true);
}

}  // namespace
}  // namespace ploopu::testing
