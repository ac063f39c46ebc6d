// SPDX-License-Identifier: GPL-2.0-or-later
// Tables for people:
//     print_table(context, {{"DELTA"}, {"SIZE", true}}, {{"root.hds", "1.0 GiB"}});
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cmd/cli/context.hpp"

namespace ploopu::cmd {

// Returns the name that libsmartcols has for the colour of a cell; nullptr for the default colour.
using ColourOf = const char* (*)(std::string_view cell);

struct Column {
  const char* name;
  bool right = false;  // aligned right, for numbers
  ColourOf colour = nullptr;
};

enum class Headings { shown, hidden };

// Prints aligned columns under their headings. Each row has a cell for each column. Cells are
// escaped here. On a terminal long cells are folded so that lines fit. Prints nothing if there are
// no rows.
void print_table(const Context& context, const std::vector<Column>& columns,
                 const std::vector<std::vector<std::string>>& rows,
                 Headings headings = Headings::shown);

}  // namespace ploopu::cmd
