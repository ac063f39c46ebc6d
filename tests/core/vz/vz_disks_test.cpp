// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/vz/vz_disks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/descriptors.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string uuid_of(const std::vector<VzDisk>& disks, const std::string& which) {
  const auto found = choose_disk(disks, which, "101");
  if (!found) return "error: " + found.error().message;
  return *found ? (*found)->uuid : "the default";
}

TEST(VzDisks, Entries) {
  const auto list = parse_disks(
      "uuid={6A1B0000-1111-2222-3333-444455556666},size=10485760,image=disk-{6A1B}.hdd,mnt=/srv,"
      "enabled=no,storage_url=x;uuid=" +
          guid('2').substr(1, 36) + ",image=;uuid=" + guid('3') + ",device=/dev/sdb1",
      "CONF");
  EXPECT_THAT(list.warnings, IsEmpty());
  ASSERT_EQ(list.disks.size(), 3U);
  EXPECT_EQ(list.disks[0].uuid, "{6a1b0000-1111-2222-3333-444455556666}");
  EXPECT_EQ(list.disks[0].image, "disk-{6A1B}.hdd");
  EXPECT_EQ(list.disks[0].mountpoint, "/srv");
  EXPECT_FALSE(list.disks[0].enabled);
  EXPECT_EQ(list.disks[1].uuid, guid('2'));
  EXPECT_EQ(list.disks[1].image, "");
  EXPECT_TRUE(list.disks[1].enabled);
  EXPECT_EQ(list.disks[2].device, "/dev/sdb1");
}

TEST(VzDisks, WhatCannotBeUnderstoodIsLeftOutAndTheRestIsRead) {
  const auto list = parse_disks("image=a;uuid=101,image=b;nonsense;;uuid=" + guid('1') +
                                    ",image=$(id);uuid=" + guid('2') + ",image=c;",
                                "CONF");
  ASSERT_EQ(list.disks.size(), 1U);
  EXPECT_EQ(list.disks[0].image, "c");
  EXPECT_THAT(list.warnings, ElementsAre(HasSubstr("4 entries can't be parsed (entry 1: it has "
                                                   "no uuid)")));
}

TEST(VzDisks, NoContainerHasThousands) {
  std::string value;
  for (int i = 0; i < 1000; ++i) {
    value += fmt::format("uuid={{{:08x}-0000-0000-0000-000000000001}},image=x;", i);
  }
  const auto list = parse_disks(value, "conf");
  EXPECT_EQ(list.disks.size(), 64U);
  ASSERT_EQ(list.warnings.size(), 1U);
  EXPECT_THAT(list.warnings[0], HasSubstr("more than 64 disks"));
}

TEST(VzDisks, Choosing) {
  const auto disks = parse_disks("uuid=" + guid('2') + ",image=a;uuid={22220000" +
                                     guid('3').substr(9) + ",image=b;uuid=" + guid('a') + ",image=",
                                 "CONF")
                         .disks;
  EXPECT_EQ(uuid_of(disks, ""), "the default");
  EXPECT_EQ(uuid_of(disks, "root"), "the default");
  EXPECT_EQ(uuid_of(disks, kNull), "the default");
  EXPECT_EQ(uuid_of(disks, "1"), guid('2'));
  EXPECT_EQ(uuid_of(disks, "3"), guid('a'));
  EXPECT_EQ(uuid_of(disks, "AAAA"), guid('a'));
  EXPECT_EQ(uuid_of(disks, guid('a')), guid('a'));
  EXPECT_EQ(uuid_of(disks, "22222"), guid('2'));
  EXPECT_THAT(uuid_of(disks, "2222"), HasSubstr("is ambiguous"));
  EXPECT_THAT(uuid_of(disks, "0"), HasSubstr("none of them (the first is 1)"));
  EXPECT_THAT(uuid_of(disks, "4"), HasSubstr("has 3 further disks"));
  EXPECT_THAT(uuid_of(disks, "bbbb"), HasSubstr("has no disk bbbb"));
}

TEST(VzDisks, Row62_TheEntryMountedOnSlashIsTheRootDisk) {
  const std::string first = "uuid=" + guid('1') + ",image=a,mnt=/srv;uuid=" + guid('2');
  const auto disks = parse_disks(first + ",image=b,mnt=/", "CONF").disks;
  EXPECT_EQ(uuid_of(disks, ""), guid('2'));
  EXPECT_EQ(uuid_of(disks, "root"), guid('2'));
  EXPECT_EQ(uuid_of(disks, "1"), guid('1'));
  EXPECT_EQ(further_disks(disks).size(), 1U);
  const auto two = parse_disks(first + ",mnt=/;uuid=" + guid('3') + ",mnt=/", "CONF").disks;
  EXPECT_THAT(uuid_of(two, "root"), HasSubstr("several entries with mnt=/"));
}

}  // namespace
}  // namespace ploopu::testing
