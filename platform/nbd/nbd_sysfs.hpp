// SPDX-License-Identifier: GPL-2.0-or-later
// Finds nbd devices of ploopu by their attribute "backend" in sysfs.
#pragma once

#include <string>

namespace ploopu {

// Returns the "backend" of the device of attachment `id`: "ploopu:ID". udev rules and commands
// recognise the device by it.
[[nodiscard]] std::string nbd_identifier(const std::string& id);

// Returns the number of the device of attachment `id`; -1 if there is none now.
[[nodiscard]] int find_nbd(const std::string& id);

// True if device `index` belongs to attachment `id` now.
[[nodiscard]] bool is_nbd_of(int index, const std::string& id);

// True if device `index` surely doesn't belong to the attachment any more. False if that can't be
// found out now, for example for want of memory.
[[nodiscard]] bool is_nbd_gone(int index, const std::string& id);

// Returns "/dev/nbdINDEX".
[[nodiscard]] std::string nbd_node(int index);

}  // namespace ploopu
