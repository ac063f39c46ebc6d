// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/files/host_tree.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_file_system.hpp"

namespace ploopu::testing {
namespace {

TEST(HostTree, PathsOfThisHostAndPathsInside) {
  const FakeFileSystem files;
  const HostTree here(files, "/");
  EXPECT_TRUE(here.is_this_host());
  EXPECT_EQ(here.on_host("/etc"), "/etc");
  EXPECT_EQ(here.inside("/etc"), "/etc");
  EXPECT_EQ(here.under(), "");
  const HostTree old(files, "/old");
  EXPECT_FALSE(old.is_this_host());
  EXPECT_EQ(old.on_host("/etc"), "/old/etc");
  EXPECT_EQ(old.inside("/old/etc"), "/etc");
  EXPECT_EQ(old.inside("/older/etc"), std::nullopt);
  EXPECT_EQ(old.under(), " under /old");
}

TEST(HostTree, ATextIsReadOnce) {
  FakeFileSystem files;
  size_t reads = 0;
  files.on_read = [&](const std::string&) { ++reads; };
  for (const char* name : {"/a", "/b", "/c", "/d", "/e"}) files.add(name, name);
  const HostTree tree(files, "/");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*tree.read_once("/a", 100), "/a");
  EXPECT_EQ(reads, 1U);
  EXPECT_FALSE(tree.read_once("/none", 100));
  // The one that is asked for again and again stays, whatever else is read.
  for (const char* name : {"/b", "/c", "/d", "/e"}) {
    EXPECT_EQ(*tree.read_once(name, 100), name);
    EXPECT_EQ(*tree.read_once("/a", 100), "/a");
  }
  EXPECT_EQ(reads, 5U);
  EXPECT_EQ(*tree.read_once("/b", 100), "/b");
  EXPECT_EQ(reads, 6U);
}

// A host's files may change between two commands, but not within one.
TEST(HostTree, OneCommandSeesOneText) {
  FakeFileSystem files;
  files.add("/a", "before");
  const HostTree tree(files, "/");
  EXPECT_EQ(*tree.read_once("/a", 100), "before");
  files.add("/a", "after");
  EXPECT_EQ(*tree.read_once("/a", 100), "before");
  EXPECT_EQ(*HostTree(files, "/").read_once("/a", 100), "after");
}

}  // namespace
}  // namespace ploopu::testing
