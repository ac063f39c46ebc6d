// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace ploopu::cmd {

struct Column {
  const char* name;
  bool right = false;  // numbers stand at the right
};

enum class Headings { shown, hidden };

// Prints aligned columns under their names, by libsmartcols. Cells are escaped. Nothing is printed
// for a table without rows.
void print_table(std::ostream& out, const std::vector<Column>& columns,
                 const std::vector<std::vector<std::string>>& rows,
                 Headings headings = Headings::shown);

}  // namespace ploopu::cmd
