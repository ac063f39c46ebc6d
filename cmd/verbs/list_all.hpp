// SPDX-License-Identifier: GPL-2.0-or-later
// The part of list that --all adds.
#pragma once

#include <string>

#include "cmd/cli/column_table.hpp"
#include "cmd/cli/context.hpp"
#include "core/base/result.hpp"

namespace ploopu::cmd {

// Column names of `list --all`, each after a blank.
[[nodiscard]] std::string container_columns();

// Prints every container under --root, including damaged ones. ErrorKind::usage for a column that
// doesn't exist.
[[nodiscard]] Result<void> list_containers(Context& context, const ListOptions& options);

}  // namespace ploopu::cmd
