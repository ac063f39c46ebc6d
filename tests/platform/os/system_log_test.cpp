// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/system_log.hpp"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/datagram_listener.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The priority 28 is a warning (4) of a daemon (3 * 8).
TEST(SystemLog, HearsALineThatIsOne) {
  const TemporaryDirectory dir;
  const DatagramListener listener(dir / "log");
  dir.write("kmsg", "");
  warn_log("/a\nb: was changed", (dir / "log").c_str(), (dir / "kmsg").c_str());
  EXPECT_EQ(listener.heard(),
            "<28>ploopu[" + std::to_string(::getpid()) + "]: /a\\x0ab: was changed");
  EXPECT_EQ(content_of(dir / "kmsg"), "");
}

TEST(SystemLog, IsTheKernelsWhereNobodyListens) {
  const TemporaryDirectory dir;
  dir.write("kmsg", "");
  warn_log("/a: was changed", (dir / "log").c_str(), (dir / "kmsg").c_str());
  EXPECT_EQ(content_of(dir / "kmsg"), "<28>ploopu: /a: was changed\n");
  warn_log("/a: was changed", (dir / "log").c_str(), (dir / "none").c_str());
}

// The listener reads nothing, so its queue fills up.
TEST(SystemLog, OneThatIsFullIsNotWaitedFor) {
  const TemporaryDirectory dir;
  const DatagramListener listener(dir / "log");
  dir.write("kmsg", "");
  for (int i = 0; i < 10000 && content_of(dir / "kmsg").empty(); ++i) {
    warn_log("again", (dir / "log").c_str(), (dir / "kmsg").c_str());
  }
  EXPECT_EQ(content_of(dir / "kmsg"), "<28>ploopu: again\n");
}

}  // namespace
}  // namespace ploopu::testing
