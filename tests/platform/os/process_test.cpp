// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/process.hpp"

#include <array>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ploopu::testing {
namespace {

// The start time is a field behind the name, which may look like the end of the name.
TEST(ProcessIdentityTest, TheNameOfAProcessMayHaveParentheses) {
  const pid_t self = ::getpid();
  const auto usual = identify_process(self);
  std::array<char, 16> name{};
  ASSERT_EQ(::prctl(PR_GET_NAME, name.data()), 0);
  ASSERT_EQ(::prctl(PR_SET_NAME, "a) Z 2 (b"), 0);
  const auto odd = identify_process(self);
  ASSERT_EQ(::prctl(PR_SET_NAME, name.data()), 0);
  ASSERT_TRUE(usual && odd);
  EXPECT_EQ(odd->start_time, usual->start_time);
}

// Until it is waited for, its number is taken.
TEST(ProcessIdentityTest, OneThatEndedIsNotAlive) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(0);
  siginfo_t end = {};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOWAIT), 0);
  const auto identity = identify_process(child);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->start_time, 0U);
  EXPECT_FALSE(is_alive({child, 1}));
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace ploopu::testing
