// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/extension_program.hpp"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

class ExtensionProgramTest : public ::testing::Test {
 protected:
  ExtensionProgramTest() {
    add("one/ploopu-ok", "#!/bin/sh\n[ \"$*\" = 'a b' ] && [ \"$PATH\" = " + search_path() +
                             " ] && [ \"$MINE\" = 1 ] && exit 42\nexit 1\n");
    add("two/ploopu-ok", "#!/bin/sh\nexit 43\n");
    add("two/ploopu-broken", "#!/nowhere/at/all\n");
    directory_.write("one/ploopu-text", "#!/bin/sh\nexit 44\n");
    std::filesystem::create_directories(directory_ / "one/ploopu-directory");
  }

  [[nodiscard]] std::string search_path() const {
    return directory_ / "one" + ":" + directory_ / "two";
  }

  void add(const std::string& name, const std::string& text) const {
    std::filesystem::permissions(directory_.write(name, text), std::filesystem::perms::owner_all);
  }

  // Returns the exit code of the program; 100 if there is no program, 101 if it can't be run.
  static int run(const std::string& verb, const std::string& search_path) {
    const pid_t child = ::fork();
    const CallersEnvironment environment{search_path, {"PATH=" + search_path, "MINE=1"}};
    if (child == 0) ::_exit(run_extension_program(verb, {"a", "b"}, environment) ? 100 : 101);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  }

  TemporaryDirectory directory_;
};

TEST_F(ExtensionProgramTest, TheFirstInThePathIsRunAsThisProcess) {
  EXPECT_EQ(run("ok", search_path()), 42);
  EXPECT_EQ(run("ok", directory_ / "two" + ":" + directory_ / "one"), 43);
}

TEST_F(ExtensionProgramTest, WhatIsNoProgramIsNotRun) {
  EXPECT_EQ(run("nothing", search_path()), 100);
  EXPECT_EQ(run("text", search_path()), 100);
  EXPECT_EQ(run("directory", search_path()), 100);
  EXPECT_EQ(run("broken", search_path()), 101);
}

TEST_F(ExtensionProgramTest, OnlyWholePathsAndPlainNames) {
  std::filesystem::current_path(directory_.path());
  for (const char* path : {"", ":", "one", "one:.", "./one"})
    EXPECT_EQ(run("ok", path), 100) << path;
  EXPECT_EQ(run("../two/ploopu-ok", search_path()), 100);
  EXPECT_EQ(run("", search_path()), 100);
  std::filesystem::current_path("/");
}

}  // namespace
}  // namespace ploopu::testing
