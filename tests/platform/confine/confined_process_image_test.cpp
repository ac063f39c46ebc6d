// SPDX-License-Identifier: GPL-2.0-or-later
// Tests images that confined processes open: the disk is equal to a disk opened without
// confinement, and a process that a hostile image has taken over gets only files of that image.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/confine/confined.hpp"
#include "core/disk/image.hpp"
#include "core/find/inventory.hpp"
#include "core/find/locate.hpp"
#include "platform/confine/confined_process.hpp"
#include "platform/confine/confined_work.hpp"
#include "platform/files/posix_file_system.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/ploop_builder.hpp"
#include "tests/support/random_chain.hpp"
#include "tests/support/sparse_file.hpp"
#include "tests/support/taken_over.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

class ConfinedImageTest : public ::testing::Test {
 protected:
  ConfinedImageTest() { set_confinement(&process_); }
  ~ConfinedImageTest() override { set_confinement(nullptr); }

  ConfinedProcess process_;
  PosixFileSystem files_;
};

// Writes the chain and its descriptor. Returns the location of the descriptor.
ImageLocation write_bundle(const std::vector<Layer>& layers, const TemporaryDirectory& dir) {
  DescriptorText text;
  text.images = text.shots = "";
  const auto guid_of = [&](size_t i) {
    return i + 1 == layers.size() ? std::string(kFixedTop)
                                  : fmt::format("{{{:08x}-0000-0000-0000-000000000000}}", i + 1);
  };
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string file = "layer" + std::to_string(i);
    write_sparsely(dir / file, *layers[i].file);
    text.images += image_xml(guid_of(i), file, layers.front().raw ? "Plain" : "Compressed");
    text.shots += shot_xml(guid_of(i), i == 0 ? kNull : guid_of(i - 1));
  }
  text.disk_sectors = std::to_string(layers.back().disk_sectors);
  text.cluster_sectors = std::to_string(layers.back().cluster_sectors);
  dir.write("DiskDescriptor.xml", text.str());
  ImageLocation location;
  location.path = dir / "DiskDescriptor.xml";
  location.is_descriptor = true;
  return location;
}

// Compares extents, usage, warnings and everything else that a chain decides, with and without
// confinement.
TEST_F(ConfinedImageTest, ADiskIsTheSameDisk) {
  for (uint32_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const TemporaryDirectory dir;
    const RandomChain random(seed);
    const auto location = write_bundle(random.layers(), dir);
    const HostTree tree(files_, "/");
    set_confinement(nullptr);
    const auto right = open_image(tree, location);
    set_confinement(&process_);
    const auto image = open_image(tree, location);
    ASSERT_EQ(image.has_value(), right.has_value()) << image.error().message;
    if (!right) {
      EXPECT_EQ(image.error().message, right.error().message);
      EXPECT_EQ(image.error().kind, right.error().kind);
      continue;
    }
    EXPECT_EQ(image->warnings, right->warnings);
    EXPECT_EQ(image->guids, right->guids);
    const Disk& disk = image->disk;
    ASSERT_EQ(disk.size(), right->disk.size());
    ASSERT_EQ(disk.clusters_allocated(), right->disk.clusters_allocated());
    for (size_t i = 0; i < right->disk.deltas().size(); ++i) {
      EXPECT_EQ(disk.deltas()[i].name(), right->disk.deltas()[i].name());
      EXPECT_EQ(disk.usage(i).allocated, right->disk.usage(i).allocated);
      EXPECT_EQ(disk.usage(i).damaged, right->disk.usage(i).damaged);
    }
    for (uint64_t offset = 0; offset < disk.size();) {
      const Extent extent = disk.extent_at(offset, UINT64_MAX);
      const Extent expected = right->disk.extent_at(offset, UINT64_MAX);
      ASSERT_EQ(extent.length, expected.length) << offset;
      ASSERT_EQ(extent.kind, expected.kind) << offset;
      ASSERT_EQ(extent.file, expected.file) << offset;
      ASSERT_EQ(extent.file_offset, expected.file_offset) << offset;
      offset += extent.length;
    }
  }
}

// A process that was taken over asks for other files than those of its image.
class TakenOverOpeningTest : public ConfinedImageTest {
 protected:
  TakenOverOpeningTest() {
    std::ofstream(dir_ / "secret") << "of the host";
    location_ =
        write_bundle(RandomChain(1, {.depth = 1, .raw_base = 0, .sound = true}).layers(), dir_);
  }

  // Asks for `image`. Returns the error or the name of the file.
  std::string ask_for(const DescriptorImage& image, bool allow_outside, const std::string& root) {
    location_.allow_outside = allow_outside;
    const HostTree tree(files_, root);
    LocatedFiles files(tree, location_);
    EXPECT_TRUE(files.read_descriptor());
    const auto answer = confined<std::string>(
        {location_.path},
        [&](Outside& outside) -> Result<std::string> {
          AskedFiles asked(outside);
          std::vector<std::string> warnings;
          const auto delta = asked.open_listed(image, true, 8, warnings);
          return delta ? delta->name() : delta.error().message;
        },
        [&](const std::string& request) {
          return files.serve(request, LocatedFiles::Keep::deltas);
        });
    return answer ? *answer : answer.error().message;
  }

  TemporaryDirectory dir_;
  ImageLocation location_;
};

TEST_F(TakenOverOpeningTest, GetsItsOwnFiles) {
  const std::string here = dir_.path();
  EXPECT_EQ(ask_for({kFixedTop, false, "layer0", here}, false, "/"), here + "/layer0");
}

TEST_F(TakenOverOpeningTest, GetsNothingOutsideOfTheBundle) {
  const std::string here = dir_.path();
  EXPECT_THAT(ask_for({kFixedTop, true, "/etc/passwd", here}, false, "/"), HasSubstr("outside"));
  EXPECT_THAT(ask_for({kFixedTop, true, "../../etc/passwd", here}, false, "/"),
              HasSubstr("outside"));
}

TEST_F(TakenOverOpeningTest, RelativePathsStartAtADescriptorThatWasRead) {
  const TemporaryDirectory other;
  std::ofstream(other / "file") << "x";
  EXPECT_THAT(ask_for({kFixedTop, true, "file", other.path()}, true, "/"),
              HasSubstr("no descriptor was read there"));
  // An image below --root can reach no file of this host, even with --allow-outside.
  EXPECT_THAT(ask_for({kFixedTop, true, "passwd", "/etc"}, true, dir_.path()),
              HasSubstr("no descriptor was read there"));
}

TEST_F(TakenOverOpeningTest, OtherRequestsAreAnsweredByNothing) {
  const HostTree tree(files_, "/");
  LocatedFiles files(tree, location_);
  ASSERT_TRUE(files.read_descriptor());
  for (const std::string& request : {std::string(), std::string("x"), std::string(1000, '\xff')}) {
    const auto handed = files.serve(request, LocatedFiles::Keep::deltas);
    EXPECT_EQ(handed.bytes, "");
    EXPECT_EQ(handed.file, nullptr);
  }
  EXPECT_TRUE(files.opened().empty());
}

// Returns the program of tests/support/taken_over_parser.cpp.
std::string taken_over_program() {
  std::ostringstream bytes;
  bytes << std::ifstream(PLOOPU_TAKEN_OVER_PARSER, std::ios::binary).rdbuf();
  return bytes.str();
}

ConfinedProcess with_program(const std::string& program) {
  return ConfinedProcess({kFigureSeries, std::as_bytes(std::span(program))});
}

// Takes parsers over without that program: the series is a fork of this process.
class TakenOverForks final : public Confinement {
 public:
  Result<std::string> run(const WorkTask& task, const Work& work,
                          const Serve& serve) const override {
    return real_.run(task, work, serve);
  }
  Result<std::unique_ptr<WorkSeries>> start_series(const SeriesWork& series) const override {
    return real_.start_series(taken_over(series));
  }
  Result<std::unique_ptr<CommonMemory>> share(size_t bytes) const override {
    return real_.share(bytes);
  }

 private:
  ConfinedProcess real_;
};

// The files of some of five containers take their parser over, with and without the program.
class TakenOverSeriesTest : public ConfinedImageTest, public ::testing::WithParamInterface<bool> {
 protected:
  TakenOverSeriesTest() {
    for (const auto& ctid : kAll) {
      std::filesystem::create_directories(dir_ / bundle(ctid));
      dir_.write(bundle(ctid) + "/root.hds", image());
      dir_.write(bundle(ctid) + "/DiskDescriptor.xml", DescriptorText().str());
    }
  }

  static std::string bundle(const std::string& ctid) { return "vz/private/" + ctid + "/root.hdd"; }

  static std::string image() {
    const auto file = ploop_file({.cluster_sectors = 8, .disk_sectors = 64, .bat = {1, 0, 2}});
    std::string bytes(file->size(), '\0');
    EXPECT_EQ(file->read(0, std::as_writable_bytes(std::span(bytes))), 0);
    return bytes;
  }

  // Expects that the rows of the other containers are as without the attack. Returns the errors in
  // the rows of the evil ones.
  std::vector<std::string> errors_of(const std::string& attack,
                                     const std::set<std::string>& evil = {"102", "104"}) {
    for (const auto& ctid : evil) {
      dir_.write(bundle(ctid) + "/DiskDescriptor.xml",
                 DescriptorText().str() + words_of_attack(attack));
    }
    const HostTree tree(files_, dir_.path());
    set_confinement(nullptr);
    const auto right = take_inventory(tree);
    const std::string program = GetParam() ? taken_over_program() : "";
    const ConfinedProcess programs = with_program(program);
    const TakenOverForks forks;
    set_confinement(GetParam() ? static_cast<const Confinement*>(&programs) : &forks);
    const auto inventory = take_inventory(tree);
    set_confinement(nullptr);
    EXPECT_EQ(right.containers.size(), kAll.size());
    EXPECT_EQ(inventory.containers.size(), kAll.size());
    std::vector<std::string> errors;
    for (size_t i = 0; i < kAll.size() && i < inventory.containers.size(); ++i) {
      const Container& row = inventory.containers[i];
      if (evil.contains(row.ctid)) {
        errors.push_back(row.error);
      } else {
        expect_same(row, right.containers.at(i));
      }
    }
    return errors;
  }

  static void expect_same(const Container& row, const Container& right) {
    SCOPED_TRACE(row.ctid);
    EXPECT_EQ(row.error, right.error);
    ASSERT_TRUE(row.disk);
    EXPECT_EQ(row.disk->virtual_size, right.disk->virtual_size);
    EXPECT_EQ(row.disk->clusters_allocated, right.disk->clusters_allocated);
    EXPECT_EQ(row.snapshots, right.snapshots);
  }

  const std::vector<std::string> kAll = {"101", "102", "103", "104", "105"};
  TemporaryDirectory dir_;
};

INSTANTIATE_TEST_SUITE_P(All, TakenOverSeriesTest, ::testing::Bool(),
                         [](const auto& mode) { return mode.param ? "program" : "forks"; });

// A parser that was taken over can lie about its own container only.
TEST_P(TakenOverSeriesTest, ALieIsAboutItsOwnContainer) {
  EXPECT_THAT(errors_of("lie"), Each("a lie"));
}

TEST_P(TakenOverSeriesTest, ACrashAndAnEndlessLoopAreTheirOwnContainers) {
  const auto crashes = errors_of("crash");
  if (!kHasSanitizer) {
    EXPECT_THAT(crashes, Each(HasSubstr("signal 11")));
  }
  // After 2 s of processor time; on a busy host, 10 s of elapsed time may be over first.
  EXPECT_THAT(errors_of("loop"), Each(HasSubstr("reading it took more than")));
}

TEST_P(TakenOverSeriesTest, WhoWaitsForNothingIsEnded) {
  EXPECT_THAT(errors_of("wait", {"102"}), Each(HasSubstr("took more than")));
}

TEST_P(TakenOverSeriesTest, WhoHasAnsweredAndGoesOnIsEnded) {
  EXPECT_THAT(errors_of("answer and loop"), Each("a lie"));
}

// The parser sends further answers on the socket of the work, for a later reader to find.
TEST_P(TakenOverSeriesTest, FurtherAnswersReachNobody) {
  EXPECT_THAT(errors_of("answers"), Each(HasSubstr("more than it announced")));
}

TEST_P(TakenOverSeriesTest, OrdersOfItsParentAreNotToBeHad) {
  EXPECT_THAT(errors_of("orders"), Each("a lie"));
}

TEST_P(TakenOverSeriesTest, SocketsOfItsParentAreClosed) {
  for (const int fd : {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}) {
    static_cast<void>(errors_of(
        "send " +
        std::to_string(
            fd)));  // the filter ends it here, unless it allows sending to this descriptor
  }
}

// The parser changes memory, which the next one sees only if it is the same process or its child.
TEST_P(TakenOverSeriesTest, ItsMemoryIsItsOwn) {
  EXPECT_THAT(errors_of("memory"), Each("0 before"));
}

TEST_P(TakenOverSeriesTest, ItForksNoFurtherProcess) {
  if (kHasSanitizer) GTEST_SKIP() << "a sanitizer needs more system calls";
  EXPECT_THAT(errors_of("fork"), Each(HasSubstr("signal 31")));
}

TEST_P(TakenOverSeriesTest, AnAnswerWithoutEndIsRefused) {
  EXPECT_THAT(errors_of("endless"), Each(HasSubstr("bytes: refused")));
}

// A host may refuse to execute a file in memory.
TEST_F(ConfinedImageTest, AProgramThatCannotBeRunIsDoneWithout) {
  const TemporaryDirectory dir;
  const auto location = write_bundle(RandomChain(1, {.depth = 1, .sound = true}).layers(), dir);
  const std::string program = "no program";
  const ConfinedProcess confinement = with_program(program);
  set_confinement(&confinement);
  FigureReader reader;
  const auto figures = reader.read(HostTree(files_, "/"), location);
  EXPECT_EQ(figures.error, "");
  EXPECT_TRUE(figures.disk);
}

}  // namespace
}  // namespace ploopu::testing
