// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/service_manager.hpp"

#include <cstdlib>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/datagram_listener.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

std::string heard_at(const std::string& name, const std::string& state) {
  const DatagramListener listener(name);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  tell_service_manager(state);
  ::unsetenv("NOTIFY_SOCKET");
  return listener.heard();
}

TEST(ServiceManager, HearsWhatItIsTold) {
  const TemporaryDirectory dir;
  EXPECT_EQ(heard_at(dir / "notify", "READY=1\nSTATUS=x"), "READY=1\nSTATUS=x");
  EXPECT_EQ(heard_at("@ploopu/test/" + std::to_string(::getpid()), "READY=1"), "READY=1");
}

TEST(ServiceManager, NobodyListens) {
  for (const std::string& name : {std::string(), std::string("/nowhere"), std::string(200, 'x')}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    tell_service_manager("READY=1");
  }
  ::unsetenv("NOTIFY_SOCKET");
  tell_service_manager("READY=1");
}

}  // namespace
}  // namespace ploopu::testing
