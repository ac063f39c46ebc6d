// SPDX-License-Identifier: GPL-2.0-or-later
// How sysfs shows the devices of the nbd driver.
#pragma once

#include <string>

namespace ploopu {

// What our device of the attachment `id` carries as its "backend", by which anybody can tell later
// whose it is.
[[nodiscard]] std::string nbd_identifier(const std::string& id);

// Number of the device that carries it now; -1 when none does.
[[nodiscard]] int find_nbd(const std::string& id);

// Whether that number is the attachment's.
[[nodiscard]] bool is_nbd_of(int index, const std::string& id);

// Whether it surely isn't any more: false where that can't be told now.
[[nodiscard]] bool is_nbd_gone(int index, const std::string& id);

[[nodiscard]] std::string nbd_node(int index);

}  // namespace ploopu
