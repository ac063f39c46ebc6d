// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/descriptor_message.hpp"

#include <array>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ploopu::testing {
namespace {

TEST(DescriptorMessage, BringsDescriptorsThatNoProgramInherits) {
  const auto ends = make_message_sockets("sockets");
  ASSERT_TRUE(ends);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const UniqueFd reader(pipe[0]);
  const UniqueFd writer(pipe[1]);
  ASSERT_TRUE(send_message(ends->ours.get(), "text", {reader.get(), writer.get()}, 0));
  const Message got = receive_message(ends->theirs.get(), 64);
  EXPECT_EQ(got.text, "text");
  ASSERT_EQ(got.descriptors.size(), 2U);
  for (const auto& descriptor : got.descriptors) {
    EXPECT_EQ(::fcntl(descriptor.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  }
  ASSERT_EQ(::write(got.descriptors[1].get(), "x", 1), 1);
  char byte = 0;
  ASSERT_EQ(::read(reader.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(DescriptorMessage, IsEmptyWhenTheOtherSideIsGone) {
  auto ends = make_message_sockets("sockets");
  ASSERT_TRUE(ends);
  ends->theirs.reset();
  EXPECT_FALSE(send_message(ends->ours.get(), "text", {}, 0));
  const Message got = receive_message(ends->ours.get(), 64);
  EXPECT_EQ(got.text, "");
  EXPECT_TRUE(got.descriptors.empty());
}

}  // namespace
}  // namespace ploopu::testing
