// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace ploopu {

// Sends `text` to the UNIX datagram socket at `path`, in the abstract namespace if that begins with
// '@'. False when nobody took it, or with `can_wait` false, would take it now.
bool send_datagram(std::string_view path, const std::string& text, bool can_wait);

}  // namespace ploopu
