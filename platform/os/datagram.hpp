// SPDX-License-Identifier: GPL-2.0-or-later
// Sends one datagram to a service of this host, such as the system log or systemd.
#pragma once

#include <string>
#include <string_view>

namespace ploopu {

// Sends `text` to the UNIX datagram socket at `path`; a path that begins with '@' is a name in the
// abstract namespace. Waits for room in the queue of the receiver only if `can_wait` is true.
// Returns false if the text was not sent: nobody listens there, or the queue is full.
bool send_datagram(std::string_view path, const std::string& text, bool can_wait);

}  // namespace ploopu
