// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cmd/cli/context.hpp"

namespace ploopu::cmd {

// The name of the colour of a cell, for libsmartcols; nullptr for the usual one.
using ColourOf = const char* (*)(std::string_view cell);

struct Column {
  const char* name;
  bool right = false;  // numbers stand at the right
  ColourOf colour = nullptr;
};

enum class Headings { shown, hidden };

// Prints aligned columns under their names, by libsmartcols. Cells are escaped. On a terminal long
// texts are folded so that lines fit. Nothing is printed for a table without rows.
void print_table(const Context& context, const std::vector<Column>& columns,
                 const std::vector<std::vector<std::string>>& rows,
                 Headings headings = Headings::shown);

}  // namespace ploopu::cmd
