// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/service_manager.hpp"

#include <cstdlib>

#include "platform/os/datagram.hpp"

namespace ploopu {

// Ignores errors: without the message, systemd ends the service by its own time limit.
void tell_service_manager(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path != nullptr) static_cast<void>(send_datagram(path, state, true));
}

}  // namespace ploopu
