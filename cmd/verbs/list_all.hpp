// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "cmd/cli/column_table.hpp"
#include "cmd/cli/context.hpp"
#include "core/base/result.hpp"

namespace ploopu::cmd {

// Their names, a blank before each.
[[nodiscard]] std::string container_columns();

// Prints every container under --root. Damaged ones are rows like the others.
[[nodiscard]] Result<void> list_containers(Context& context, const ListOptions& options);

}  // namespace ploopu::cmd
