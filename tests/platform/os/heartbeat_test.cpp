// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/heartbeat.hpp"

#include <gtest/gtest.h>

namespace ploopu::testing {
namespace {

using std::chrono::milliseconds;

class HeartbeatTest : public ::testing::Test {
 protected:
  // A look after some time.
  bool is_hung_after(milliseconds time) {
    now_ += time;
    return watch_.is_hung(beats_.value(), now_);
  }

  Beats beats_;
  HeartbeatWatch watch_;
  HeartbeatWatch::Clock::time_point now_{};
};

TEST_F(HeartbeatTest, AProcessThatCountsDoesNotHang) {
  for (int look = 0; look < 100; ++look) {
    beats_.count();
    EXPECT_FALSE(is_hung_after(milliseconds(400))) << look;
  }
}

TEST_F(HeartbeatTest, R03_AProcessThatStandsStillHangsAfterTwoToThreeSeconds) {
  ASSERT_FALSE(is_hung_after(milliseconds(0)));
  milliseconds still{0};
  while (!is_hung_after(kBeat)) {
    still += kBeat;
    ASSERT_LT(still, milliseconds(3000));
  }
  EXPECT_GE(still + kBeat, milliseconds(2000));
}

TEST_F(HeartbeatTest, OneBeatIsEnough) {
  ASSERT_FALSE(is_hung_after(milliseconds(0)));
  for (int look = 0; look < 20; ++look) {
    if (look % 3 == 0) beats_.count();
    EXPECT_FALSE(is_hung_after(milliseconds(500))) << look;
  }
}

TEST_F(HeartbeatTest, R40_AHostThatWasPausedHasNoHungProcesses) {
  ASSERT_FALSE(is_hung_after(milliseconds(0)));
  EXPECT_FALSE(is_hung_after(std::chrono::hours(24)));
  beats_.count();
  EXPECT_FALSE(is_hung_after(kBeat));
}

TEST_F(HeartbeatTest, TheNextProcessBeginsAnew) {
  ASSERT_FALSE(is_hung_after(milliseconds(0)));
  for (int look = 0; look < 4; ++look) static_cast<void>(is_hung_after(milliseconds(500)));
  ASSERT_TRUE(is_hung_after(milliseconds(500)));
  watch_.begin_anew();
  EXPECT_FALSE(is_hung_after(milliseconds(500)));
}

}  // namespace
}  // namespace ploopu::testing
