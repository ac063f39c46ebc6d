// SPDX-License-Identifier: GPL-2.0-or-later
// Opens disks by the words that users type.
#include "core/disk/image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/find/locate.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/fake_file_system.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kBundle[] = "/vz/private/101/root.hdd";

class ImageTest : public ::testing::Test {
 protected:
  void put_descriptor(const DescriptorText& text) {
    files_.add(std::string(kBundle) + "/DiskDescriptor.xml", text.str());
  }

  std::shared_ptr<MemoryFile> put_delta(const std::string& name, std::vector<uint32_t> bat,
                                        PloopSpec spec = {}) {
    spec.cluster_sectors = 8;
    spec.bat = std::move(bat);
    if (spec.disk_sectors == 0) spec.disk_sectors = 64;
    auto file = ploop_file(spec);
    for (const uint32_t entry : spec.bat) {
      if (entry != 0) file->write(entry * uint64_t{4096}, pattern(4096, entry));
    }
    files_.add(std::string(kBundle) + "/" + name, file);
    return file;
  }

  Result<Image> open(const std::string& what) {
    PLOOPU_TRY(auto location, locate_image(HostTree(files_, "/"), what));
    return open_image(HostTree(files_, "/"), std::move(location));
  }

  void expect_error(const std::string& what, ErrorKind kind, const std::string& words) {
    const auto image = open(what);
    ASSERT_FALSE(image) << what;
    EXPECT_EQ(image.error().kind, kind) << image.error().message;
    EXPECT_THAT(image.error().message, HasSubstr(words));
  }

  FakeFileSystem files_;
};

TEST_F(ImageTest, EveryNameOfOneImage) {
  put_descriptor({});
  put_delta("root.hds", {1, 0, 2, 0, 0, 0, 0, 0});
  files_.add("/etc/vz/conf/101.conf", "VE_PRIVATE=/vz/private/$VEID\n");
  for (const char* name : {"101", "/vz/private/101", "/vz/private/101/root.hdd",
                           "/vz/private/101/root.hdd/DiskDescriptor.xml"}) {
    const auto image = open(name);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->location.path, "/vz/private/101/root.hdd/DiskDescriptor.xml");
    EXPECT_EQ(image->location.ctid.has_value(), std::string(name) == "101");
    EXPECT_EQ(image->disk.clusters_allocated(), 2U);
    EXPECT_THAT(image->guids, ElementsAre(kFixedTop));
    EXPECT_THAT(image->warnings, IsEmpty());
  }
}

// Three deltas, the middle one named by its file: it is opened with what lies below it.
TEST_F(ImageTest, ADeltaOfAChainIsOpenedWithWhatLiesBelow) {
  put_descriptor({.images = image_xml(guid('1'), "root.hds") + image_xml(guid('2'), "middle") +
                            image_xml(kFixedTop, "top"),
                  .shots = shot_xml(guid('1'), kNull) + shot_xml(guid('2'), guid('1')) +
                           shot_xml(kFixedTop, guid('2'))});
  put_delta("root.hds", {1, 1, 0, 0, 0, 0, 0, 0});
  put_delta("middle", {0, 2, 0, 0, 0, 0, 0, 0}, {.disk_sectors = 60});
  put_delta("top", {3, 3, 0, 0, 0, 0, 0, 0});
  const auto image = open(std::string(kBundle) + "/middle");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->snapshot, guid('2'));
  EXPECT_EQ(image->disk.size(), 60 * 512U);  // its own
  Bytes out(2 * 4096);
  ASSERT_EQ(image->disk.read(0, out), 0);
  Bytes expected = pattern(4096, 1);
  const Bytes second = pattern(4096, 2);
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(out, expected);
  EXPECT_THAT(image->warnings, Contains(HasSubstr("as snapshot " + guid('2'))));
  EXPECT_EQ(open(std::string(kBundle) + "/top")->snapshot, std::nullopt);
}

// Two files of one name in different directories: which one is meant, its content tells.
TEST_F(ImageTest, ADeltaIsToldByWhichFileItIs) {
  put_descriptor({.images = image_xml(guid('1'), "sub/d") + image_xml(kFixedTop, "d"),
                  .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))});
  put_delta("sub/d", {1, 0, 0, 0, 0, 0, 0, 0});
  put_delta("d", {0, 2, 0, 0, 0, 0, 0, 0});
  const auto image = open(std::string(kBundle) + "/d");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->disk.clusters_allocated(), 2U);
}

TEST_F(ImageTest, AFileThatNoDescriptorKnows) {
  put_delta("root.hds", {1, 0, 2, 0, 0, 0, 0, 0});
  const std::string file = std::string(kBundle) + "/root.hds";
  EXPECT_THAT(open(file)->warnings, IsEmpty());
  put_descriptor({});
  EXPECT_THAT(open(file)->warnings, IsEmpty());  // the only one there is
  put_descriptor({.images = image_xml(kFixedTop, "other.hds")});
  EXPECT_THAT(open(file)->warnings, ElementsAre(HasSubstr("gaps may not be zeros")));
  files_.add(std::string(kBundle) + "/DiskDescriptor.xml", "<broken");
  EXPECT_THAT(open(file)->warnings, ElementsAre(HasSubstr("gaps may not be zeros")));
  files_.add("/alone/root.hdd." + guid('7'),
             ploop_file({.cluster_sectors = 8, .disk_sectors = 8, .bat = {0}}));
  EXPECT_THAT(open("/alone/root.hdd." + guid('7'))->warnings,
              ElementsAre(HasSubstr("gaps may not be zeros")));
}

TEST_F(ImageTest, SnapshotsAreChosenOnlyFromADescriptor) {
  put_delta("root.hds", {1, 0, 2, 0, 0, 0, 0, 0});
  const auto image =
      open_image(HostTree(files_, "/"),
                 *locate_image(HostTree(files_, "/"), std::string(kBundle) + "/root.hds"), "base");
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::usage);
}

TEST_F(ImageTest, Row31_Row32_AChainWithARawBaseWhoseContentNeverDecides) {
  put_descriptor(
      {.images = image_xml(guid('1'), "base", "Plain") + image_xml(kFixedTop, "top", "Plain"),
       .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))});
  PloopSpec inside{.disk_sectors = 64, .bat = {9, 9}};
  Bytes raw = ploop_head(inside);  // a guest may write this on its disk
  raw.resize(64 * 512, std::byte{0x55});
  files_.add(std::string(kBundle) + "/base", std::make_shared<MemoryFile>(raw));
  put_delta("top", {0, 1, 0, 0, 0, 0, 0, 0});
  const auto image = open(kBundle);
  ASSERT_TRUE(image) << image.error().message;
  Bytes out(64 * 512);
  ASSERT_EQ(image->disk.read(0, out), 0);
  const Bytes over = pattern(4096, 1);
  std::copy(over.begin(), over.end(), raw.begin() + 4096);
  EXPECT_EQ(out, raw);
}

TEST_F(ImageTest, H53_Row33_ABaseWithoutMagicIsNeverTakenForRaw) {
  put_descriptor({});
  files_.add(std::string(kBundle) + "/root.hds", std::string(40000, 'x'));
  expect_error(kBundle, ErrorKind::damaged, "not a ploop image");
}

TEST_F(ImageTest, H51_Row43_Row44_HeadersWinOverTheDescriptorWithAWarning) {
  put_descriptor({.disk_sectors = "32", .cluster_sectors = "16"});
  put_delta("root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  const auto image = open(kBundle);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->disk.size(), 64 * 512U);
  EXPECT_EQ(image->disk.cluster_size(), 4096U);
  EXPECT_THAT(image->warnings, ElementsAre(HasSubstr("<Disk_size>"), HasSubstr("<Blocksize>")));
}

TEST_F(ImageTest, H17_H22_Row13_WarnsOfUnclosedAndDamagedDeltas) {
  put_descriptor({});
  put_delta("root.hds", {1, 0, 0, 0, 0, 0, 0}, {.in_use = kDiskInUse})->set_size(5000);
  const auto image = open(kBundle);
  ASSERT_TRUE(image);
  EXPECT_THAT(image->warnings, ElementsAre(HasSubstr("was not closed"), HasSubstr("m_Size is 7"),
                                           HasSubstr("1 of 1 clusters")));
}

TEST_F(ImageTest, H39_Row47_FilesOutsideTheBundleAreRefused) {
  put_delta("root.hds", {0});
  put_descriptor({.images = image_xml(kFixedTop, "/etc/shadow", "Plain")});
  files_.add("/etc/shadow", "root:x");
  expect_error(kBundle, ErrorKind::refused, "'/etc/shadow', which is outside");
  put_descriptor({.images = image_xml(kFixedTop, std::string(kBundle) + "/root.hds")});
  EXPECT_TRUE(open(kBundle));
  put_descriptor({.disk_sectors = "36028797018964032"});  // times 512 it wraps
  EXPECT_THAT(open(kBundle)->warnings, Contains(HasSubstr("<Disk_size>")));
}

// A bundle that was moved still names its old place.
TEST_F(ImageTest, AnAbsoluteFileThatIsGoneIsLookedForBeside) {
  put_delta("root.hds", {1});
  put_descriptor({.images = image_xml(kFixedTop, "/elsewhere/101/root.hds")});
  const auto image = open(kBundle);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->disk.deltas()[0].name(), std::string(kBundle) + "/root.hds");
  EXPECT_THAT(image->warnings, ElementsAre(HasSubstr("'/elsewhere/101/root.hds'"), _));
  files_.add("/elsewhere/101/root.hds", "another container's");
  expect_error(kBundle, ErrorKind::refused, "is outside");
}

// On a dead host's disk the path means the dead host's file, not one of this host.
TEST_F(ImageTest, AnAbsoluteFileOfADeadHostIsOneOfItsTree) {
  files_.add("/old/etc/vz/conf/101.conf", "VE_PRIVATE=/vz/private/$VEID\n");
  files_.add(
      "/old/vz/private/101/root.hdd/DiskDescriptor.xml",
      DescriptorText{.images = image_xml(kFixedTop, "/vz/private/101/root.hdd/root.hds")}.str());
  files_.add("/old/vz/private/101/root.hdd/root.hds",
             ploop_file({.cluster_sectors = 8, .disk_sectors = 64, .bat = {0}}));
  files_.add("/vz/private/101/root.hdd/root.hds", "of this host");
  const HostTree tree(files_, "/old");
  auto location = locate_image(tree, "101");
  ASSERT_TRUE(location) << location.error().message;
  const auto image = open_image(tree, *std::move(location));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->disk.deltas()[0].name(), "/old/vz/private/101/root.hdd/root.hds");
}

TEST_F(ImageTest, H47_AFileThatIsItsOwnParentIsRefused) {
  put_descriptor({.images = image_xml(guid('1'), "root.hds") + image_xml(kFixedTop, "root.hds"),
                  .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))});
  put_delta("root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  expect_error(kBundle, ErrorKind::damaged, "are the same file");
}

TEST_F(ImageTest, Row37_TheCaseOfGuidsDoesNotMatter) {
  const std::string lower = "{abcdefab-0000-0000-0000-00000000000f}";
  const std::string upper = "{ABCDEFAB-0000-0000-0000-00000000000F}";
  put_descriptor({.images = image_xml(lower, "base") + image_xml(kFixedTop, "top"),
                  .shots = shot_xml(upper, kNull) + shot_xml(kFixedTop, upper)});
  put_delta("base", {1, 0, 0, 0, 0, 0, 0, 0});
  put_delta("top", {0, 2, 0, 0, 0, 0, 0, 0});
  const auto image = open(kBundle);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->disk.clusters_allocated(), 2U);
}

TEST_F(ImageTest, Row40_ImagesOutsideTheChainMayBeMissing) {
  put_descriptor({.images = image_xml(guid('8'), "gone") + image_xml(kFixedTop, "top"),
                  .shots = shot_xml(guid('8'), kNull) + shot_xml(kFixedTop, kNull)});
  put_delta("top", {1, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_TRUE(open(kBundle));
  const auto other =
      open_image(HostTree(files_, "/"), *locate_image(HostTree(files_, "/"), kBundle), "88888888");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::damaged);
  EXPECT_THAT(other.error().message, HasSubstr("this state needs that delta"));
}

TEST_F(ImageTest, Row09_H15_AnOddFirstBlockOffsetMovesNothing) {
  put_descriptor({});
  for (const auto& [sector, why] : {std::pair(0U, "version 2 doesn't allow"),
                                    {3U, "not a multiple of the cluster"},
                                    {0xffffffffU, "after the end of the file"}}) {
    put_delta("root.hds", {1, 0, 0, 0, 0, 0, 0, 0}, {.data_sector = sector});
    const auto image = open(kBundle);
    ASSERT_TRUE(image);
    EXPECT_THAT(image->warnings, ElementsAre(HasSubstr(why)));
    Bytes out(4096);
    EXPECT_EQ(image->disk.read(0, out), 0);
    EXPECT_EQ(out, pattern(4096, 1));
  }
}

TEST_F(ImageTest, H08_ADiskWithoutATableIsZerosWithAWarning) {
  for (const int version : {1, 2}) {
    files_.add("/i/none",
               ploop_file({.version = version, .cluster_sectors = 8, .disk_sectors = 64}));
    const auto image = open("/i/none");
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_THAT(image->warnings, ElementsAre(HasSubstr("m_Size is 0, but the disk has 8")));
    Bytes out(64 * 512, std::byte{1});
    EXPECT_EQ(image->disk.read(0, out), 0);
    EXPECT_EQ(out, Bytes(64 * 512));
    files_.add("/i/empty-disk", ploop_file({.version = version, .cluster_sectors = 8}));
    const auto empty = open("/i/empty-disk");
    ASSERT_TRUE(empty) << empty.error().message;
    EXPECT_EQ(empty->disk.size(), 0U);
    EXPECT_THAT(empty->warnings, IsEmpty());
  }
}

// A cluster without a BAT entry is not allocated: in a chain, it has the data of the parent.
TEST_F(ImageTest, H11_ATableShorterThanTheDisk) {
  for (const int version : {1, 2}) {
    put_descriptor({.images = image_xml(guid('1'), "base") + image_xml(kFixedTop, "top"),
                    .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))});
    const uint32_t unit = version == 1 ? 8 : 1;
    auto base = ploop_file({.version = version,
                            .cluster_sectors = 8,
                            .disk_sectors = 64,
                            .bat = {unit, 0, 0, 2 * unit, 0, 0, 0, 0}});
    base->write(4096, pattern(8192, 1));
    files_.add(std::string(kBundle) + "/base", base);
    auto top = ploop_file(
        {.version = version, .cluster_sectors = 8, .disk_sectors = 64, .bat = {unit, 0}});
    top->write(4096, pattern(4096, 2));
    files_.add(std::string(kBundle) + "/top", top);
    const auto image = open(kBundle);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_THAT(image->warnings, ElementsAre(HasSubstr("top: m_Size is 2, but the disk has 8")));
    Bytes expected = pattern(4096, 2);
    expected.resize(3 * 4096);
    const Bytes of_base = pattern(8192, 1);
    expected.insert(expected.end(), of_base.begin() + 4096, of_base.end());
    expected.resize(64 * 512);
    Bytes out(64 * 512, std::byte{1});
    EXPECT_EQ(image->disk.read(0, out), 0);
    EXPECT_EQ(out, expected);
  }
}

TEST_F(ImageTest, H49_ASmallerChildIsServedUpToItsOwnEnd) {
  put_descriptor({.disk_sectors = "20",
                  .images = image_xml(guid('1'), "base") + image_xml(kFixedTop, "top"),
                  .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))});
  put_delta("base", {1, 2, 3, 4, 5, 6, 7, 8});
  put_delta("top", {0, 9, 0}, {.disk_sectors = 20});
  const auto image = open(kBundle);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_THAT(image->warnings, ElementsAre(HasSubstr("top: describes a smaller disk")));
  Bytes expected = pattern(4096, 1);
  for (const uint32_t seed : {9U, 3U}) {
    const Bytes cluster = pattern(4096, seed);
    expected.insert(expected.end(), cluster.begin(), cluster.end());
  }
  expected.resize(20 * 512);
  Bytes out(20 * 512);
  ASSERT_EQ(image->disk.size(), out.size());
  EXPECT_EQ(image->disk.read(0, out), 0);
  EXPECT_EQ(out, expected);
  Bytes beyond(1);
  EXPECT_EQ(image->disk.read(20 * 512, beyond), EINVAL);
}

// And a larger one has nothing of its parent's past the end that the parent says it has.
TEST_F(ImageTest, H49_ALargerChildSeesNothingBehindTheEndOfItsParent) {
  put_descriptor({.images = image_xml(guid('1'), "base") + image_xml(kFixedTop, "top"),
                  .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))});
  put_delta("base", {1, 2, 3, 4, 5, 6, 7, 8}, {.disk_sectors = 12});
  put_delta("top", {0, 0, 0, 0, 0, 0, 0, 1});
  const auto image = open(kBundle);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_THAT(image->warnings, IsEmpty());
  Bytes expected = pattern(4096, 1);
  const Bytes second = pattern(4096, 2);
  expected.insert(expected.end(), second.begin(), second.begin() + 2048);
  expected.resize(7 * 4096);
  const Bytes last = pattern(4096, 1);
  expected.insert(expected.end(), last.begin(), last.end());
  Bytes out(64 * 512);
  EXPECT_EQ(image->disk.read(0, out), 0);
  EXPECT_EQ(out, expected);
}

TEST_F(ImageTest, H48_DeltasOfOtherClustersOrVersions) {
  put_descriptor({.images = image_xml(guid('1'), "base") + image_xml(kFixedTop, "top"),
                  .shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))});
  put_delta("top", {1, 0, 0, 0, 0, 0, 0, 0});
  const auto put_base = [&](int version, uint32_t sectors) {
    files_.add(std::string(kBundle) + "/base",
               ploop_file({.version = version,
                           .cluster_sectors = sectors,
                           .disk_sectors = 64,
                           .bat = std::vector<uint32_t>(64 / sectors)}));
  };
  put_base(2, 16);
  expect_error(kBundle, ErrorKind::damaged, "base: m_Sectors says clusters of 16 sectors, but");
  put_base(1, 8);
  expect_error(kBundle, ErrorKind::damaged, "base: is ploop v1, but");
  put_base(2, 8);
  EXPECT_TRUE(open(kBundle));
}

TEST_F(ImageTest, WhatIsOddInADescriptorIsSaid) {
  put_delta("root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  put_descriptor({.shots = "", .parameters = "<Padding> 5 </Padding>"});
  EXPECT_THAT(open(kBundle)->warnings, ElementsAre(HasSubstr("DiskDescriptor.xml: <Padding> is 5"),
                                                   HasSubstr("has no <Shot>")));
  put_descriptor({.images = image_xml(guid('1'), "root.hds", "Plain"),
                  .top = "<TopGUID>" + guid('1') + "</TopGUID>",
                  .shots = shot_xml(guid('1'), kNull),
                  .parameters = "<Padding>0</Padding>",
                  .storage = "<Preallocated>1</Preallocated>"});
  EXPECT_THAT(open(kBundle)->warnings, ::testing::Contains(HasSubstr("<Preallocated>")));
  put_descriptor({.storage = "<Preallocated>1</Preallocated>"});
  EXPECT_THAT(open(kBundle)->warnings, IsEmpty());
}

TEST_F(ImageTest, RepeatedGuidsAreNamed) {
  put_delta("root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  put_descriptor({.images = image_xml(kFixedTop, "root.hds") + image_xml(kFixedTop, "other.hds")});
  const auto image = open(kBundle);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_THAT(image->warnings,
              ElementsAre(AllOf(HasSubstr(kFixedTop), HasSubstr("more than once"))));
}

TEST_F(ImageTest, ADescriptorIsKnownByItsContentToo) {
  put_delta("root.hds", {1, 0, 0, 0, 0, 0, 0, 0});
  for (const char* before : {"", "\xef\xbb\xbf", "\n "}) {
    files_.add(std::string(kBundle) + "/copy.xml", before + DescriptorText{}.str());
    const auto image = open(std::string(kBundle) + "/copy.xml");
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->guids.size(), 1U);
  }
}

TEST_F(ImageTest, Row50_WhatNewerAndOlderProductsHaveInsteadOfAPloopDisk) {
  const std::string qcow2 = std::string("QFI\xfb\0\0\0\x03", 8) + std::string(100, '\0');
  files_.add("/vz/private/7/root.hdd", qcow2);
  expect_error("7", ErrorKind::refused, "/vz/private/7/root.hdd: is a qcow2 image");
  expect_error("/vz/private/7", ErrorKind::refused, "is a qcow2 image");
  files_.add("/vz/private/8/root.hdd/root.hdd", qcow2);
  expect_error("8", ErrorKind::refused, "is a qcow2 image");
  files_.add("/vz/private/9/etc/hostname", "simfs");
  expect_error("9", ErrorKind::not_found, "(simfs): its files are in /vz/private/9");
  files_.add("/vz/private/10/fs/etc/hostname", "simfs");
  expect_error("10", ErrorKind::not_found, "(simfs): its files are in /vz/private/10/fs");
}

TEST_F(ImageTest, WhatIsMissing) {
  expect_error("/no/such", ErrorKind::not_found, "no such file");
  expect_error("nonsense", ErrorKind::not_found, "./nonsense");
  expect_error("999", ErrorKind::not_found, "no container 999");
  files_.add("/dir/readme", "x");
  expect_error("/dir", ErrorKind::not_found, "DiskDescriptor.xml");
  files_.add_special("/dev/fifo");
  expect_error("/dev/fifo", ErrorKind::damaged, "neither a regular file nor a directory");
  put_descriptor({});
  expect_error(kBundle, ErrorKind::damaged, "root.hds");
  put_delta("root.hds", {0});
  files_.forbid(std::string(kBundle) + "/root.hds");
  expect_error(kBundle, ErrorKind::not_permitted, "root.hds");
}

TEST_F(ImageTest, H01_H02_Row64_OtherFormats) {
  files_.add("/i/qcow2", std::string("QFI\xfb\0\0\0\x03", 8) + std::string(100, '\0'));
  expect_error("/i/qcow2", ErrorKind::refused, "qcow2");
  std::string ext4(4096, '\0');  // the magic of its superblock, and nothing where a ploop header is
  ext4.replace(1080, 2, "\x53\xef");
  files_.add("/i/101.hdd/root.hds", ext4);
  expect_error("/i/101.hdd/root.hds", ErrorKind::damaged, "not a ploop image");
  files_.add("/i/text", std::string(100, 'a'));
  expect_error("/i/text", ErrorKind::damaged, "not a ploop image");
  files_.add("/i/short", "WithouFreSpacExt");
  expect_error("/i/short", ErrorKind::damaged, "truncated");
  files_.add("/i/empty", "");
  expect_error("/i/empty", ErrorKind::damaged, "empty");
}

}  // namespace
}  // namespace ploopu::testing
