// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/service_manager.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "platform/unique_fd.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

// What comes in at a socket of this name, '@' first for an abstract one, when `state` is told.
std::string heard_at(const std::string& name, const std::string& state) {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name.front() == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  tell_service_manager(state);
  ::unsetenv("NOTIFY_SOCKET");
  std::array<char, 100> heard{};
  const ssize_t got = ::recv(socket.get(), heard.data(), heard.size(), MSG_DONTWAIT);
  return got < 0 ? "" : std::string(heard.data(), static_cast<size_t>(got));
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
