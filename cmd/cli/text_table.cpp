// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/cli/text_table.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <libsmartcols.h>

#include "core/base/text.hpp"

namespace ploopu::cmd {
namespace {

// Bytes. Cells up to this length are not folded: a path can be read in pieces, but a GUID, with its
// braces 38 bytes long, is copied as a whole.
constexpr size_t kLong = 41;

}  // namespace

void print_table(const Context& context, const std::vector<Column>& columns,
                 const std::vector<std::vector<std::string>>& rows, Headings headings) {
  if (rows.empty()) return;
  const std::unique_ptr<libscols_table, decltype(&scols_unref_table)> table(scols_new_table(),
                                                                            scols_unref_table);
  if (!table) return;
  scols_table_enable_noencoding(table.get(), 1);  // cells are escaped below
  scols_table_enable_noheadings(table.get(), headings == Headings::hidden ? 1 : 0);
  scols_table_enable_colors(table.get(), context.has_colours ? 1 : 0);
  for (size_t i = 0; i < columns.size(); ++i) {
    const bool is_long = std::any_of(rows.begin(), rows.end(),
                                     [i](const auto& row) { return row[i].size() > kLong; });
    scols_table_new_column(table.get(), columns[i].name, 0,
                           columns[i].right ? SCOLS_FL_RIGHT
                           : is_long        ? SCOLS_FL_WRAP
                                            : 0);
  }
  for (const auto& row : rows) {
    libscols_line* line = scols_table_new_line(table.get(), nullptr);
    for (size_t i = 0; i < row.size(); ++i) {
      scols_line_set_data(line, i, escape_bytes(row[i]).c_str());
      const char* colour = columns[i].colour == nullptr ? nullptr : columns[i].colour(row[i]);
      if (colour != nullptr) scols_cell_set_color(scols_line_get_cell(line, i), colour);
    }
  }
  char* printed = nullptr;
  if (scols_print_table_to_string(table.get(), &printed) == 0) context.out << printed;
  std::free(printed);
  context.out << '\n';
}

}  // namespace ploopu::cmd
