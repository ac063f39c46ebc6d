// SPDX-License-Identifier: GPL-2.0-or-later
// Reports the state of this process to systemd, if a service unit started it.
#pragma once

#include <string>

namespace ploopu {

// Sends `state`, such as "READY=1\nSTATUS=...", to systemd as sd_notify(3) does. Does nothing if
// the process isn't part of a service.
void tell_service_manager(const std::string& state);

}  // namespace ploopu
