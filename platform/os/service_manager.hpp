// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace ploopu {

// Tells systemd about the service that this process is of, as sd_notify(3) does:
// "READY=1\nSTATUS=...". Nothing happens when it is of none.
void tell_service_manager(const std::string& state);

}  // namespace ploopu
