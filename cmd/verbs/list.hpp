// SPDX-License-Identifier: GPL-2.0-or-later
// The columns of list, for completion.
#pragma once

#include <string>

namespace ploopu::cmd {

// Column names of `list`, or of `list --all`, each after a blank.
[[nodiscard]] std::string list_columns(bool of_containers);

}  // namespace ploopu::cmd
