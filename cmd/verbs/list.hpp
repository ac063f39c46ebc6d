// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace ploopu::cmd {

// Those that list prints, of attachments or of all containers; a blank before each.
[[nodiscard]] std::string list_columns(bool of_containers);

}  // namespace ploopu::cmd
