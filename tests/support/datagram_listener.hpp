// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>

#include "platform/os/unique_fd.hpp"

namespace ploopu::testing {

// Listens at a UNIX datagram socket. A name that begins with '@' is an abstract socket.
class DatagramListener {
 public:
  explicit DatagramListener(const std::string& name)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
      throw std::runtime_error("bind failed");
    }
  }

  // Returns the next message that has arrived, or an empty text.
  [[nodiscard]] std::string heard() const {
    std::array<char, 1000> text{};
    const ssize_t got = ::recv(socket_.get(), text.data(), text.size(), MSG_DONTWAIT);
    return got < 0 ? "" : std::string(text.data(), static_cast<size_t>(got));
  }

 private:
  UniqueFd socket_;
};

}  // namespace ploopu::testing
