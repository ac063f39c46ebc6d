// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "cmd/context.hpp"
#include "cmd/list_table.hpp"
#include "core/result.hpp"

namespace ploopu::cmd {

// Their names, a blank before each.
[[nodiscard]] std::string container_columns();

// Prints every container under --root. Damaged ones are rows like the others.
[[nodiscard]] Result<void> list_containers(Context& context, const ListOptions& options);

}  // namespace ploopu::cmd
