// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/socket_stream.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace ploopu {

bool SocketStream::receive(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::recv(socket_.get(), out.data(), out.size(), MSG_WAITALL);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out = out.subspan(static_cast<size_t>(got));
  }
  return true;
}

bool SocketStream::send(std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t sent = ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    data = data.subspan(static_cast<size_t>(sent));
  }
  return true;
}

void SocketStream::shut_down() { ::shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace ploopu
