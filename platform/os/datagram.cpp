// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/datagram.hpp"

#include <algorithm>
#include <cstddef>

#include <sys/socket.h>
#include <sys/un.h>

#include "platform/os/unique_fd.hpp"

namespace ploopu {

bool send_datagram(std::string_view path, const std::string& text, bool can_wait) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return false;
  std::copy(path.begin(), path.end(), address.sun_path);
  if (path.front() == '@') address.sun_path[0] = '\0';
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  return socket.valid() && ::sendto(socket.get(), text.data(), text.size(),
                                    MSG_NOSIGNAL | (can_wait ? 0 : MSG_DONTWAIT),
                                    reinterpret_cast<const sockaddr*>(&address), size) >= 0;
}

}  // namespace ploopu
