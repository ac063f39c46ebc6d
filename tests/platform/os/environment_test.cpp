// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/environment.hpp"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace ploopu::testing {
namespace {

TEST(Environment, H69_WhatChangesLibrariesIsGoneAndTheRestStays) {
  const std::string path = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
  const auto unwanted = {"LIBMOUNT_FORCE_MOUNT2",
                         "LIBMOUNT_FSTAB",
                         "LIBMOUNT_DEBUG",
                         "LIBBLKID_DEBUG",
                         "BLKID_FILE",
                         "LIBSMARTCOLS_DEBUG",
                         "LD_PRELOAD",
                         "LD_X",
                         "NLCB",
                         "NLDBG",
                         "TMPDIR"};
  const auto wanted = {"LC_CTYPE_OF_NOBODY", "XDG_RUNTIME_DIR_OF_NOBODY", "MY_LIBMOUNT_DEBUG",
                       "TMPDIR_OF_NOBODY"};
  for (const char* name : unwanted) ::setenv(name, "", 1);
  for (const char* name : wanted) ::setenv(name, "x", 1);
  ::setenv("PATH", "/tmp/evil:/bin", 1);
  clear_environment();
  for (const char* name : unwanted) EXPECT_EQ(std::getenv(name), nullptr) << name;
  for (const char* name : wanted) {
    EXPECT_NE(std::getenv(name), nullptr) << name;
    ::unsetenv(name);
  }
  EXPECT_STREQ(std::getenv("PATH"), "/usr/sbin:/usr/bin:/sbin:/bin");
  ::setenv("PATH", path.c_str(), 1);
}

}  // namespace
}  // namespace ploopu::testing
