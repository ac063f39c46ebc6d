// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/retry.hpp"

#include <gtest/gtest.h>

namespace ploopu::testing {
namespace {

TEST(Retry, GoesOnAfterInterruptionsOnly) {
  int calls = 0;
  const auto interrupted_twice = [&] {
    errno = EINTR;
    return ++calls <= 2 ? -1 : 7;
  };
  EXPECT_EQ(retry(interrupted_twice), 7);
  EXPECT_EQ(calls, 3);
  const auto fails = [&] {
    ++calls;
    errno = EAGAIN;
    return -1;
  };
  EXPECT_EQ(retry(fails), -1);
  EXPECT_EQ(calls, 4);
}

// errno is the one of an earlier call.
TEST(Retry, ASuccessIsNotRepeated) {
  int calls = 0;
  errno = EINTR;
  EXPECT_EQ(retry([&] { return calls++; }), 0);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace ploopu::testing
