// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/table.hpp"

#include <cstdlib>
#include <memory>

#include <libsmartcols.h>

#include "core/text.hpp"

namespace ploopu::cmd {

void print_table(std::ostream& out, const std::vector<Column>& columns,
                 const std::vector<std::vector<std::string>>& rows, Headings headings) {
  if (rows.empty()) return;
  const std::unique_ptr<libscols_table, decltype(&scols_unref_table)> table(scols_new_table(),
                                                                            scols_unref_table);
  if (!table) return;
  scols_table_enable_noencoding(table.get(), 1);  // cells are escaped already
  scols_table_enable_noheadings(table.get(), headings == Headings::hidden ? 1 : 0);
  for (const auto& column : columns) {
    scols_table_new_column(table.get(), column.name, 0, column.right ? SCOLS_FL_RIGHT : 0);
  }
  for (const auto& row : rows) {
    libscols_line* line = scols_table_new_line(table.get(), nullptr);
    for (size_t i = 0; i < row.size(); ++i) {
      scols_line_set_data(line, i, escape_bytes(row[i]).c_str());
    }
  }
  char* printed = nullptr;
  if (scols_print_table_to_string(table.get(), &printed) == 0) out << printed;
  std::free(printed);
  out << '\n';
}

}  // namespace ploopu::cmd
