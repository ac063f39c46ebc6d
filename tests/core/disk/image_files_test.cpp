// SPDX-License-Identifier: GPL-2.0-or-later
// Which files a descriptor leads to: inside and outside of its directory, clones, changes
// meanwhile.
#include "core/disk/image_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/confine/confined.hpp"
#include "core/disk/image.hpp"
#include "core/disk/snapshots.hpp"
#include "core/find/locate.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/fake_file_system.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kDirectory[] = "/vz/private/101/root.hdd";
constexpr char kClone[] = "/vz/private/202/root.hdd";

class BundleTest : public ::testing::Test {
 protected:
  void put_descriptor(const DescriptorText& text, const std::string& directory = kDirectory) {
    files_.add(directory + "/DiskDescriptor.xml", text.str());
  }

  std::shared_ptr<MemoryFile> put_delta(const std::string& path, std::vector<uint32_t> bat) {
    auto file = ploop_file({.cluster_sectors = 8, .disk_sectors = 64, .bat = bat});
    for (const uint32_t entry : bat) {
      if (entry != 0) file->write(entry * uint64_t{4096}, pattern(4096, entry));
    }
    files_.add(path, file);
    return file;
  }

  Result<Image> open(const std::string& what, bool allow_outside = false) {
    PLOOPU_TRY(auto location, locate_image(HostTree(files_, "/"), what));
    location.allow_outside = allow_outside;
    return open_image(HostTree(files_, "/"), std::move(location));
  }

  void expect_error(const std::string& what, ErrorKind kind, const std::string& words,
                    bool allow_outside = false) {
    const auto image = open(what, allow_outside);
    ASSERT_FALSE(image) << what;
    EXPECT_EQ(image.error().kind, kind) << image.error().message;
    EXPECT_THAT(image.error().message, HasSubstr(words));
  }

  // A clone of the snapshot 1 of the bundle, as libploop writes it.
  void put_clone(const std::string& parent = kDirectory) {
    DescriptorText base;
    base.images = image_xml(guid('1'), "root.hds") + image_xml(kFixedTop, "top.hds");
    base.top = std::string("<TopGUID>") + kFixedTop + "</TopGUID>";
    base.shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'));
    put_descriptor(base);
    put_delta(std::string(kDirectory) + "/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
    put_delta(std::string(kDirectory) + "/top.hds", {5, 5, 0, 0, 0, 0, 0, 0});
    put_descriptor(clone_text(kFixedTop, guid('1'), parent), kClone);
    put_delta(std::string(kClone) + "/root.hds", {0, 2, 0, 0, 0, 0, 0, 0});
  }

  static DescriptorText clone_text(const std::string& guid, const std::string& snapshot,
                                   const std::string& parent) {
    DescriptorText clone;
    clone.images = image_xml(guid, "root.hds");
    clone.top = "<TopGUID>" + guid + "</TopGUID>";
    clone.shots = shot_xml(guid, snapshot);
    clone.volume = fmt::format(
        "<Volume><Parent>{}</Parent><SnapshotGUID>{}</SnapshotGUID></Volume>", parent, snapshot);
    return clone;
  }

  FakeFileSystem files_;
};

TEST_F(BundleTest, H39_FilesOutsideNeedTheOption) {
  put_descriptor({.images = image_xml(kFixedTop, "/other/root.hds")});
  put_delta("/other/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  expect_error(kDirectory, ErrorKind::refused, "'/other/root.hds', which is outside");
  expect_error(kDirectory, ErrorKind::refused, "--allow-outside");
  const auto image = open(kDirectory, true);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->disk.deltas()[0].name(), "/other/root.hds");
  EXPECT_THAT(image->warnings, ElementsAre(HasSubstr("/other/root.hds: is outside")));
}

TEST_F(BundleTest, H39_TheOptionChangesNothingForFilesInside) {
  put_delta(std::string(kDirectory) + "/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  for (const std::string& file : {std::string("root.hds"), std::string(kDirectory) + "/root.hds",
                                  std::string("/gone/root.hds")}) {
    put_descriptor({.images = image_xml(kFixedTop, file)});
    const auto image = open(kDirectory, true);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->disk.deltas()[0].name(), std::string(kDirectory) + "/root.hds");
  }
}

TEST_F(BundleTest, H40_DevicesAreRefusedWithTheOptionToo) {
  files_.add_special("/dev/sda");
  put_descriptor({.images = image_xml(kFixedTop, "/dev/sda", "Plain")});
  expect_error(kDirectory, ErrorKind::damaged, "not a regular file");
  expect_error(kDirectory, ErrorKind::damaged, "not a regular file", true);
}

TEST_F(BundleTest, H44_NamesAreNeverMoreThanNames) {
  files_.add("/etc/passwd", "root:x");
  for (const char* name : {"json:{}", "nbd://127.0.0.1/x", "file:///etc/passwd", "-", "$(id)"}) {
    put_descriptor({.images = image_xml(kFixedTop, name, "Plain")});
    expect_error(kDirectory, ErrorKind::damaged, name);
    expect_error(kDirectory, ErrorKind::damaged, name, true);
  }
}

TEST_F(BundleTest, H38_AHugeSparseFileIsNoDisk) {
  for (const char* type : {"Plain", "Compressed"}) {
    auto file = std::make_shared<MemoryFile>();
    file->set_size(INT64_MAX);
    files_.add(std::string(kDirectory) + "/root.hds", file);
    put_descriptor({.images = image_xml(kFixedTop, "root.hds", type)});
    expect_error(kDirectory, ErrorKind::damaged, "root.hds");
  }
}

TEST_F(BundleTest, H57_ADescriptorOf50MegabytesIsNotRead) {
  auto file = std::make_shared<MemoryFile>();
  file->set_size(50 << 20);
  files_.add(std::string(kDirectory) + "/DiskDescriptor.xml", file);
  expect_error(kDirectory, ErrorKind::damaged, "too large");
}

TEST_F(BundleTest, H60_BackupsAreNamedButNeverUsed) {
  put_delta(std::string(kDirectory) + "/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  files_.add(std::string(kDirectory) + "/DiskDescriptor.xml.lck", "");  // ploop's own, always there
  const std::string whole = DescriptorText{}.str();
  for (const std::string& cut : {std::string(), whole.substr(0, whole.size() / 2)}) {
    files_.add(std::string(kDirectory) + "/DiskDescriptor.xml", cut);
    EXPECT_THAT(open(kDirectory).error().message, Not(HasSubstr("backup")));
    files_.add(std::string(kDirectory) + "/DiskDescriptor.xml.BAK", whole);
    files_.add(std::string(kDirectory) + "/DiskDescriptor.xml.tmp", whole);
    expect_error(kDirectory, ErrorKind::damaged,
                 "; there is DiskDescriptor.xml.BAK, DiskDescriptor.xml.tmp: check");
    files_.remove(std::string(kDirectory) + "/DiskDescriptor.xml.BAK");
    files_.remove(std::string(kDirectory) + "/DiskDescriptor.xml.tmp");
  }
  files_.remove(std::string(kDirectory) + "/DiskDescriptor.xml");
  files_.add(std::string(kDirectory) + "/DiskDescriptor.xml.tmp", whole);
  for (const char* name : {kDirectory, "/vz/private/101"}) {
    expect_error(name, ErrorKind::not_found, "; there is DiskDescriptor.xml.tmp: check");
  }
}

TEST_F(BundleTest, H62_DirectoriesThatEverybodyMayWriteTo) {
  put_descriptor({});
  put_delta(std::string(kDirectory) + "/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_THAT(open(kDirectory)->writable_by_others, IsEmpty());
  files_.let_others_write("/vz/private");
  const auto image = open(kDirectory);
  ASSERT_TRUE(image);
  EXPECT_THAT(image->writable_by_others, ElementsAre("/vz/private"));
  EXPECT_THAT(image->warnings, ElementsAre(HasSubstr("/vz/private: everybody may write")));
  EXPECT_THAT(open(std::string(kDirectory) + "/root.hds")->writable_by_others,
              ElementsAre("/vz/private"));
}

TEST_F(BundleTest, H62_DirectoriesOfFilesOutsideCountToo) {
  put_descriptor({.images = image_xml(kFixedTop, "/other/root.hds")});
  put_delta("/other/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  files_.let_others_write("/other");
  EXPECT_THAT(open(kDirectory, true)->writable_by_others, ElementsAre("/other"));
}

TEST_F(BundleTest, ACloneIsReadOverItsParent) {
  for (const char* parent : {kDirectory, "/vz/private/202/root.hdd/parent"}) {
    put_clone(parent);
    files_.add("/vz/private/202/root.hdd/parent/DiskDescriptor.xml",
               files_.read_text(std::string(kDirectory) + "/DiskDescriptor.xml", 10000)->text);
    put_delta("/vz/private/202/root.hdd/parent/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
    const bool is_outside = parent == std::string(kDirectory);
    if (is_outside) {
      expect_error(kClone, ErrorKind::refused, "is a clone of '/vz/private/101/root.hdd'");
      expect_error(kClone, ErrorKind::refused, "--allow-outside");
    }
    const auto image = open(kClone, is_outside);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_THAT(image->guids, ElementsAre(guid('1'), kFixedTop));
    EXPECT_EQ(image->disk.deltas()[0].name(), std::string(parent) + "/root.hds");
    EXPECT_EQ(image->disk.deltas()[1].name(), std::string(kClone) + "/root.hds");
    EXPECT_EQ(image->snapshot, std::nullopt);
    Bytes out(2 * 4096);
    ASSERT_EQ(image->disk.read(0, out), 0);
    Bytes expected = pattern(4096, 1);
    const Bytes second = pattern(4096, 2);
    expected.insert(expected.end(), second.begin(), second.end());
    EXPECT_EQ(out, expected);
    EXPECT_EQ(image->warnings.size(), is_outside ? 1U : 0U);
  }
}

TEST_F(BundleTest, ADirectoryOfASimilarNameIsOutside) {
  const std::string sibling = std::string(kClone) + "2";
  put_clone(sibling);
  put_descriptor({}, sibling);
  expect_error(kClone, ErrorKind::refused, "is a clone of '" + sibling + "', which is outside");
}

// A process that was taken over could keep its parent busy.
TEST_F(BundleTest, RequestsHaveAnEnd) {
  constexpr int kAllowed = 20000;
  put_descriptor({});
  files_.add(std::string(kDirectory) + "/DiskDescriptor.xml.BAK", "");
  const HostTree tree(files_, "/");
  const auto location = locate_image(tree, kDirectory);
  ASSERT_TRUE(location);
  LocatedFiles located(tree, *location);
  ASSERT_TRUE(located.read_descriptor());
  const Serve serve = [&](const std::string& request) {
    return located.serve(request, LocatedFiles::Keep::nothing);
  };
  DirectOutside outside(serve);
  AskedFiles asked(outside);
  const auto unread = asked.read_parent("/elsewhere/DiskDescriptor.xml", kDirectory);
  ASSERT_FALSE(unread);
  EXPECT_THAT(unread.error().message, HasSubstr("is not a descriptor of this image"));
  int answers = 1;
  for (int i = 0; i < kAllowed + 10; ++i)
    answers += asked.backups_of(location->path).empty() ? 0 : 1;
  EXPECT_EQ(answers, kAllowed);
}

TEST_F(BundleTest, ACloneShowsTheSnapshotsOfItsParent) {
  put_clone();
  auto location = *locate_image(HostTree(files_, "/"), kClone);
  EXPECT_FALSE(read_snapshots(HostTree(files_, "/"), location));
  location.allow_outside = true;
  const auto tree = read_snapshots(HostTree(files_, "/"), location);
  ASSERT_TRUE(tree) << tree.error().message;
  ASSERT_EQ(tree->snapshots.size(), 2U);
  EXPECT_EQ(tree->snapshots[0].guid, guid('1'));
  EXPECT_TRUE(tree->snapshots[1].is_live);
}

TEST_F(BundleTest, ClonesOfClonesHaveAnEnd) {
  const auto directory = [](size_t i) { return fmt::format("/v/{}/root.hdd", i); };
  const auto numbered = [](size_t i) {
    return fmt::format("{{{:08x}-0000-0000-0000-000000000001}}", i);
  };
  for (size_t i = 0; i <= kMaxCloneLevels; ++i) {
    DescriptorText text =
        clone_text(numbered(i + 1), i == 0 ? kNull : numbered(i), i == 0 ? "" : directory(i - 1));
    put_descriptor(text, directory(i));
    put_delta(directory(i) + "/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  }
  const auto image = open(directory(kMaxCloneLevels - 1), true);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->disk.deltas().size(), kMaxCloneLevels);
  expect_error(directory(kMaxCloneLevels), ErrorKind::damaged, "more than 256 levels", true);
}

TEST_F(BundleTest, ACloneOfItselfIsRefused) {
  put_clone(kClone);
  expect_error(kClone, ErrorKind::damaged, "is a clone of itself");
  put_clone();
  put_descriptor(clone_text(guid('1'), kFixedTop, kClone));
  expect_error(kClone, ErrorKind::damaged, "is a clone of itself", true);
  put_clone("/gone");
  expect_error(kClone, ErrorKind::not_found, "is a clone of '/gone', which has no", true);
}

// A snapshot is made while the image is opened: the descriptor names another top afterwards.
TEST_F(BundleTest, Row56_WhatChangedOnceIsReadAgain) {
  put_descriptor({});
  put_delta(std::string(kDirectory) + "/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  put_delta(std::string(kDirectory) + "/new.hds", {0, 2, 0, 0, 0, 0, 0, 0});
  DescriptorText after;
  after.images = image_xml(guid('1'), "root.hds") + image_xml(kFixedTop, "new.hds");
  after.shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'));
  bool done = false;
  files_.on_read = [&](const std::string& path) {
    if (done || !path.ends_with("root.hds")) return;
    done = true;
    put_descriptor(after);
  };
  const auto image = open(kDirectory);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_THAT(image->guids, ElementsAre(guid('1'), kFixedTop));
}

// A merge removes the file that the descriptor named a moment ago.
TEST_F(BundleTest, Row56_AFileThatIsGoneSinceIsNotMissedAnyMore) {
  put_descriptor({});
  put_delta(std::string(kDirectory) + "/merged.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  bool done = false;
  files_.on_read = [&](const std::string& path) {
    if (done || !path.ends_with(".xml")) return;
    done = true;
    put_descriptor({.images = image_xml(kFixedTop, "merged.hds")});
  };
  const auto image = open(kDirectory);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->disk.deltas()[0].name(), std::string(kDirectory) + "/merged.hds");
}

TEST_F(BundleTest, Row56_WhatGoesOnChangingIsAnError) {
  put_descriptor({});
  put_delta(std::string(kDirectory) + "/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  int size = 64;
  files_.on_read = [&](const std::string& path) {
    if (path.ends_with("root.hds")) put_descriptor({.disk_sectors = std::to_string(++size)});
  };
  expect_error(kDirectory, ErrorKind::busy, "changes while it is read");
}

TEST_F(BundleTest, Row57_AHeaderThatChangesUnderTheTableIsAnError) {
  put_descriptor({});
  const auto file = put_delta(std::string(kDirectory) + "/root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  ASSERT_TRUE(open(kDirectory));
  files_.on_read = [&](const std::string& path) {
    if (!path.ends_with("root.hds")) return;
    file->write(0, ploop_head({.cluster_sectors = 8,
                               .disk_sectors = 64,
                               .bat = {0, 0, 0, 0, 0, 0, 0, 0},
                               .in_use = kDiskInUse}));
  };
  expect_error(kDirectory, ErrorKind::busy, "root.hds: its header changed");
}

}  // namespace
}  // namespace ploopu::testing
