// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/environment.hpp"

#include <cstdlib>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ploopu::testing {
namespace {

// Gives the process back the environment that it had.
class EnvironmentTest : public ::testing::Test {
 protected:
  void TearDown() override {
    ::clearenv();
    for (const std::string& variable : before_.variables) {
      const size_t equals = variable.find('=');
      ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
    }
  }

  CallersEnvironment clear() {
    for (char** variable = environ; *variable != nullptr; ++variable) {
      before_.variables.emplace_back(*variable);
    }
    for (const char* name :
         {"GCONV_PATH", "LD_PRELOAD", "LIBBLKID_DEBUG", "LIBMOUNT_FSTAB", "LOCPATH", "NLCB",
          "TMPDIR", "ANY", "SUDO_UIDX", "XLC_ALL", "HOMEDRIVE"}) {
      ::setenv(name, "unwanted", 1);
    }
    for (const char* name : {"LANG", "LC_ALL", "LC_CTYPE", "SUDO_UID", "TERM", "NOTIFY_SOCKET",
                             "XDG_RUNTIME_DIR", "COMP_LINE"}) {
      ::setenv(name, "wanted=x", 1);
    }
    ::setenv("PATH", "/tmp/evil:/bin", 1);
    return clear_environment();
  }

  CallersEnvironment before_;
};

TEST_F(EnvironmentTest, H69_A11_OnlyHarmlessVariablesStay) {
  clear();
  std::map<std::string, std::string> left;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    left[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  for (const char* name : {"LANG", "LC_ALL", "LC_CTYPE", "SUDO_UID", "TERM", "NOTIFY_SOCKET",
                           "XDG_RUNTIME_DIR", "COMP_LINE"}) {
    EXPECT_EQ(left[name], "wanted=x") << name;
  }
  EXPECT_EQ(left["PATH"], "/usr/sbin:/usr/bin:/sbin:/bin");
  for (const auto& [name, value] : left) EXPECT_NE(value, "unwanted") << name;
}

TEST_F(EnvironmentTest, ThatOfTheCallerIsReturned) {
  const auto callers = clear();
  EXPECT_EQ(callers.path, "/tmp/evil:/bin");
  EXPECT_THAT(callers.variables, ::testing::Contains("LD_PRELOAD=unwanted"));
  EXPECT_THAT(callers.variables, ::testing::Contains("PATH=/tmp/evil:/bin"));
}

}  // namespace
}  // namespace ploopu::testing
