// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/service_manager.hpp"

#include <cstdlib>

#include "platform/os/datagram.hpp"

namespace ploopu {

// Who isn't listened to goes on: systemd sees by its own time limit that the service isn't ready.
void tell_service_manager(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path != nullptr) static_cast<void>(send_datagram(path, state, true));
}

}  // namespace ploopu
