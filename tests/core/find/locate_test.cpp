// SPDX-License-Identifier: GPL-2.0-or-later
// From the configuration of a container to the descriptor of one of its disks.
#include "core/find/locate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/descriptors.hpp"
#include "tests/support/fake_file_system.hpp"

namespace ploopu::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kArea[] = "/vz/private/101";
constexpr char kConfig[] = "/etc/vz/conf/101.conf";

class LocateContainerTest : public ::testing::Test {
 protected:
  LocateContainerTest() { files_.add(std::string(kArea) + "/root.hdd/DiskDescriptor.xml", "<x/>"); }

  void configure(const std::string& text) { files_.add(kConfig, text); }

  std::string path(const std::string& disk = "") {
    auto location = locate_image(HostTree(files_, "/"), "101", disk);
    if (!location) return "error: " + location.error().message;
    warnings_ = location->warnings;
    return location->path;
  }

  FakeFileSystem files_;
  std::vector<std::string> warnings_;
  const std::string root_disk_ = std::string(kArea) + "/root.hdd/DiskDescriptor.xml";
};

TEST_F(LocateContainerTest, Row60_TextAfterTheClosingQuoteIsDropped) {
  configure("VE_PRIVATE=\"/vz/private/101\"; rm -rf /\r\n");
  EXPECT_EQ(path(), root_disk_);
}

TEST_F(LocateContainerTest, Row61_BothFormsOfVeidAreReplacedOnce) {
  for (const char* value :
       {"/vz/private/$VEID", "/vz/private/${VEID}/", "\"/vz/private/$VEID//\""}) {
    configure(std::string("VE_PRIVATE=") + value + "\n");
    EXPECT_EQ(path(), root_disk_) << value;
  }
}

TEST_F(LocateContainerTest, H63_NothingInAValueIsRun) {
  for (const char* value : {"/vz/$(id)/101", "/vz/`id`/101", "/vz/private/101;x", "/vz/$CTID/101",
                            "/vz/$HOME/$VEID", "/vz/${VEID}/${VEID}"}) {
    configure(std::string("VE_PRIVATE=\"") + value + "\"\n");
    EXPECT_THAT(path(), HasSubstr("VE_PRIVATE is")) << value;
  }
  configure("source /tmp/x\n. /tmp/y\n$(reboot)\nVE_PRIVATE=/vz/private/$VEID\n");
  EXPECT_EQ(path(), root_disk_);
}

TEST_F(LocateContainerTest, H64_LineEndsOfDosAndRepeatedKeys) {
  configure("VE_PRIVATE=/gone/101\r\nVE_PRIVATE=/vz/private/$VEID\r\n");
  EXPECT_EQ(path(), root_disk_);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("VE_PRIVATE is set more than once")));
}

TEST_F(LocateContainerTest, H65_AreasThatCannotBeOne) {
  for (const char* value : {"vz/private/101", "/", "/etc", "/vz/private/../private/101"}) {
    configure(std::string("VE_PRIVATE=") + value + "\n");
    EXPECT_THAT(path(), HasSubstr("must be an absolute path")) << value;
  }
}

TEST_F(LocateContainerTest, AConfigurationInThePrivateAreaTellsWhereThatIs) {
  files_.add("/vz/vz.conf", "");
  files_.add("/etc/vz/vz.conf",
             "VE_PRIVATE=/elsewhere/$VEID\nVEID=1\nDISK=\"uuid=" + guid('1') + "\"\n");
  files_.add("/data/101/ve.conf", "VEID=101\n");
  files_.add("/data/101/root.hdd/DiskDescriptor.xml", "<x/>");
  files_.add_link(kConfig, "/data/101/ve.conf");
  EXPECT_EQ(path(), "/data/101/root.hdd/DiskDescriptor.xml");
  EXPECT_THAT(warnings_, IsEmpty());  // VEID and DISK of the global file are nobody's
  EXPECT_THAT(path("1"), HasSubstr("has 0 further disks"));
  files_.add("/data/101/ve.conf", "VEID=102\n");
  path();
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("VEID is '102'")));
  files_.add_link(kConfig, "/data/gone/ve.conf");
  EXPECT_THAT(path(), HasSubstr("is a link to /data/gone/ve.conf, which does not exist"));
}

TEST_F(LocateContainerTest, FurtherDisks) {
  const std::string listed =
      "uuid=" + guid('1') + ",image=disk-" + guid('1') + ".hdd,mnt=/srv;uuid=" + guid('2') +
      ",image=/data/two,enabled=no;uuid=" + guid('3') + ",image=;uuid=" + guid('4') +
      ",device=/dev/sdb;uuid=" + guid('5') + ",image=gone;uuid=" + guid('6') + ",image=six.qcow2";
  configure("DISK=\"" + listed + "\"\nVE_PRIVATE=/vz/private/$VEID\n");
  const std::string first = std::string(kArea) + "/disk-" + guid('1') + ".hdd/DiskDescriptor.xml";
  files_.add(first, "<x/>");
  files_.add("/data/two/DiskDescriptor.xml", "<x/>");
  files_.add(std::string(kArea) + "/six.qcow2", "QFI\xfb 0123456789abcdef");
  EXPECT_EQ(path(), root_disk_);
  EXPECT_EQ(path("root"), root_disk_);
  EXPECT_EQ(path("1"), first);
  EXPECT_EQ(path("2222"), "/data/two/DiskDescriptor.xml");
  EXPECT_THAT(path("3"), HasSubstr("has no image yet"));
  EXPECT_THAT(path("4"), HasSubstr("is /dev/sdb, a block device of its host"));
  EXPECT_THAT(path("5"), HasSubstr("/vz/private/101/gone: no such directory"));
  EXPECT_THAT(path("6"), HasSubstr("is a qcow2 image"));
  EXPECT_EQ(locate_image(HostTree(files_, "/"), "101").value().disks.size(), 6U);
  EXPECT_FALSE(locate_image(HostTree(files_, "/"), root_disk_, "1"));
}

TEST_F(LocateContainerTest, Row62_ARootDiskElsewhere) {
  configure("DISK=\"uuid=" + guid('1') +
            ",image=/data/new.hdd,mnt=/\"\nVE_PRIVATE=/vz/private/$VEID\n");
  files_.add("/data/new.hdd/DiskDescriptor.xml", "<x/>");
  EXPECT_EQ(path(), "/data/new.hdd/DiskDescriptor.xml");
  EXPECT_EQ(path("root"), "/data/new.hdd/DiskDescriptor.xml");
  EXPECT_THAT(locate_image(HostTree(files_, "/"), "101").value().disks, IsEmpty());
}

TEST_F(LocateContainerTest, ADiskWithoutItsHostsConfigurationHasItsOwn) {
  files_.add(std::string(kArea) + "/ve.conf", "DISK=\"uuid=" + guid('1') + ",image=one.hdd\"\n");
  files_.add(std::string(kArea) + "/one.hdd/DiskDescriptor.xml", "<x/>");
  EXPECT_EQ(path("1"), std::string(kArea) + "/one.hdd/DiskDescriptor.xml");
}

TEST_F(LocateContainerTest, LayoutsThatDisagreeWithWhatIsThere) {
  configure("VE_PRIVATE=/vz/private/$VEID\nVE_LAYOUT=simfs\n");
  EXPECT_EQ(path(), root_disk_);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("VE_LAYOUT is 'simfs', but there is a ploop disk")));
  files_.add_link(std::string(kArea) + "/.ve.layout", "4");
  path();
  EXPECT_THAT(warnings_, Contains(HasSubstr(".ve.layout is 4, but there is a ploop disk")));
  files_.add_link(std::string(kArea) + "/.ve.layout", "5");
  path();
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(LocateContainerTest, SimfsContainersHaveNoImage) {
  configure("VE_PRIVATE=/vz/private/simfs-$VEID\nVE_LAYOUT=ploop:expanded\n");
  files_.add_directory("/vz/private/simfs-101/fs/etc");
  EXPECT_THAT(path(), HasSubstr("its files are in /vz/private/simfs-101/fs, although"));
}

}  // namespace
}  // namespace ploopu::testing
