// SPDX-License-Identifier: GPL-2.0-or-later
// Tests images that confined processes open: the disk is equal to a disk opened without
// confinement, and a process that a hostile image has taken over gets only files of that image.
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

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
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

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

// A series whose parser is taken over by each descriptor that contains kWord.
class TakenOverSeries final : public Confinement {
 public:
  static constexpr char kWord[] = "<!-- take over -->";
  using Attack = std::function<std::string(const std::string& argument)>;

  TakenOverSeries(const Confinement& real, Attack attack)
      : real_(real), attack_(std::move(attack)) {}

  Result<std::string> run(const WorkTask& task, const Work& work,
                          const Serve& serve) const override {
    return real_.run(task, work, serve);
  }
  Result<std::unique_ptr<WorkSeries>> start_series(const SeriesWork& work,
                                                   const std::string& rehearsal) const override {
    const auto either = [this, work](const std::string& argument, Outside& outside) {
      return argument.find(kWord) == std::string::npos ? work(argument, outside)
                                                       : attack_(argument);
    };
    return real_.start_series(either, rehearsal);
  }
  Result<std::unique_ptr<CommonMemory>> share(size_t bytes) const override {
    return real_.share(bytes);
  }

 private:
  const Confinement& real_;
  Attack attack_;
};

class TakenOverSeriesTest : public ConfinedImageTest {
 protected:
  TakenOverSeriesTest() {
    for (const char* ctid : {"101", "102", "103", "104", "105"}) {
      const std::string bundle = dir_ / ("vz/private/" + std::string(ctid) + "/root.hdd");
      std::filesystem::create_directories(bundle);
      dir_.write("vz/private/" + std::string(ctid) + "/root.hdd/root.hds", image());
      dir_.write("vz/private/" + std::string(ctid) + "/root.hdd/DiskDescriptor.xml",
                 DescriptorText().str() + (is_evil(ctid) ? TakenOverSeries::kWord : ""));
    }
  }

  static bool is_evil(const std::string& ctid) { return ctid == "102" || ctid == "104"; }

  static std::string image() {
    const auto file = ploop_file({.cluster_sectors = 8, .disk_sectors = 64, .bat = {1, 0, 2}});
    std::string bytes(file->size(), '\0');
    EXPECT_EQ(file->read(0, std::as_writable_bytes(std::span(bytes))), 0);
    return bytes;
  }

  // Expects that the rows of the other containers are as without the attack.
  void expect_no_harm(const TakenOverSeries::Attack& attack) {
    const HostTree tree(files_, dir_.path());
    set_confinement(nullptr);
    const auto right = take_inventory(tree);
    const TakenOverSeries confinement(process_, attack);
    set_confinement(&confinement);
    const auto inventory = take_inventory(tree);
    ASSERT_EQ(inventory.containers.size(), 5U);
    ASSERT_EQ(right.containers.size(), 5U);
    for (size_t i = 0; i < 5; ++i) {
      const Container& row = inventory.containers[i];
      const Container& expected = right.containers[i];
      if (is_evil(row.ctid)) continue;
      EXPECT_EQ(row.error, expected.error) << row.ctid;
      ASSERT_TRUE(row.disk) << row.ctid;
      EXPECT_EQ(row.disk->virtual_size, expected.disk->virtual_size) << row.ctid;
      EXPECT_EQ(row.disk->clusters_allocated, expected.disk->clusters_allocated) << row.ctid;
      EXPECT_EQ(row.snapshots, expected.snapshots) << row.ctid;
    }
  }

  TemporaryDirectory dir_;
};

std::string lie() {
  PloopFigures figures;
  figures.disk = DiskFigures{1, 2, 3, true};
  figures.error = "a lie";
  return encode_answer<PloopFigures>(figures);
}

// A process that was taken over can lie about its own container only.
TEST_F(TakenOverSeriesTest, ALieIsAboutItsOwnContainer) {
  expect_no_harm([](const std::string&) { return lie(); });
}

TEST_F(TakenOverSeriesTest, ACrashAndAnEndlessLoopAreTheirOwnContainers) {
  expect_no_harm([](const std::string&) -> std::string { ::abort(); });
  expect_no_harm([](const std::string&) -> std::string {
    for (volatile unsigned i = 0;;) i = i + 1;
  });
}

// Sends further answers on the socket of the work, for a later reader to find.
TEST_F(TakenOverSeriesTest, FurtherAnswersReachNobody) {
  expect_no_harm([](const std::string&) {
    const std::string answer = lie();
    for (int round = 0; round < 3; ++round) {
      const uint64_t head[2] = {answer.size(), '+'};
      for (const int fd : {1}) {
        static_cast<void>(!::write(fd, head, sizeof head));
        static_cast<void>(!::write(fd, answer.data(), answer.size()));
      }
    }
    return answer;
  });
}

TEST_F(TakenOverSeriesTest, SocketsOfItsParentAreClosed) {
  for (const int fd : {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}) {
    expect_no_harm([fd](const std::string&) {
      char order = 0;
      // The filter ends the process here, unless it allows sending to this descriptor.
      static_cast<void>(::send(fd, &order, 1, MSG_NOSIGNAL | MSG_DONTWAIT));
      return lie();
    });
  }
}

// Changes memory, which the next parser sees only if it is the same process or a child of it.
TEST_F(TakenOverSeriesTest, ItsMemoryIsItsOwn) {
  static int value = 0;
  std::vector<int> seen;
  expect_no_harm([](const std::string&) {
    const int before = value++;
    PloopFigures figures;
    figures.error = std::to_string(before);
    return encode_answer<PloopFigures>(figures);
  });
  EXPECT_EQ(value, 0);
}

TEST_F(TakenOverSeriesTest, ItForksNoFurtherProcess) {
  if (kHasSanitizer) GTEST_SKIP() << "a sanitizer needs more system calls";
  expect_no_harm([](const std::string&) {
    if (::fork() == 0) {
      for (;;) ::pause();
    }
    return lie();
  });
}

TEST_F(TakenOverSeriesTest, AnAnswerWithoutEndIsRefused) {
  expect_no_harm([](const std::string&) {
    const uint64_t head[2] = {uint64_t{1} << 40, '+'};
    static_cast<void>(!::write(1, head, sizeof head));
    return lie();
  });
}

}  // namespace
}  // namespace ploopu::testing
