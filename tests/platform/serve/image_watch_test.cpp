// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/image_watch.hpp"

#include <cerrno>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/files/posix_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string>& told() {
  static std::vector<std::string> lines;
  return lines;
}

class ImageWatchTest : public ::testing::Test {
 protected:
  ImageWatchTest() {
    told().clear();
    dir_.write("base", std::string(4096, 'x'));
    DeltaFile source;
    source.name = dir_ / "base";
    source.format = DeltaFormat::raw;
    source.cluster_sectors = 8;
    source.file = *PosixFileSystem().open_image(dir_ / "base");
    std::vector<Delta> deltas;
    deltas.push_back(*Delta::open(std::move(source)));
    disk_ = std::make_unique<Disk>(*Disk::assemble(std::move(deltas)));
    served_ = std::make_unique<ServedDisk>(ServedDisk(*disk_, nullptr, &state_));
    watch_ = std::make_unique<ImageWatch>(*served_,
                                          [](const std::string& line) { told().push_back(line); });
  }

  void look() {
    std::this_thread::sleep_for(watch_->due());
    watch_->look();
  }

  TemporaryDirectory dir_;
  ServiceState state_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<ServedDisk> served_;
  std::unique_ptr<ImageWatch> watch_;
};

TEST_F(ImageWatchTest, ThereIsNothingToTell) {
  look();
  EXPECT_GT(watch_->due().count(), 900);
  watch_->look();  // does nothing before a second has passed
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_FALSE(served_->is_refused());
}

TEST_F(ImageWatchTest, R13_H31_AnImageThatIsWrittenToIsToldOnce) {
  dir_.write("base", std::string(4096, 'y'));
  std::filesystem::resize_file(dir_ / "base", 5000);
  look();
  look();
  EXPECT_THAT(told(), ElementsAre(dir_ / "base: was modified while attached: reads may mix old and "
                                         "new data"));
  EXPECT_FALSE(served_->is_refused());
}

TEST_F(ImageWatchTest, R13_H31_AStrictOneIsNotServedAnyMore) {
  state_.is_strict = true;
  look();
  EXPECT_FALSE(served_->is_refused());
  std::filesystem::last_write_time(dir_ / "base", std::filesystem::file_time_type::clock::now());
  look();
  EXPECT_THAT(told(), ElementsAre(dir_ / "base: was modified while attached: all reads fail "
                                         "(--strict)"));
  EXPECT_TRUE(served_->is_refused());
}

TEST_F(ImageWatchTest, R12_OneThatIsReplacedIsServedOn) {
  state_.is_strict = true;
  dir_.write("other", "");
  std::filesystem::rename(dir_ / "other", dir_ / "base");
  look();
  look();
  EXPECT_THAT(told(), ElementsAre(dir_ / "base: was removed or replaced: the old files are served "
                                         "until you detach it"));
  EXPECT_FALSE(served_->is_refused());
}

TEST_F(ImageWatchTest, R17_AFullOverlay) {
  state_.had_no_room = true;
  look();
  look();
  EXPECT_THAT(told(), ElementsAre(dir_ / "base: its overlay is full: writes fail"));
}

}  // namespace
}  // namespace ploopu::testing
