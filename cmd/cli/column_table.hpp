// SPDX-License-Identifier: GPL-2.0-or-later
// Tables whose columns and order the user chooses with -o and --sort. A verb describes each column
// once, chooses and prints:
//     const std::vector<ListColumn<Disk>> columns = {
//         {"SIZE", "size of the disk", CellKind::size, [](const Disk& d) { return Cell(d.size());
//         }}};
//     PLOOPU_TRY(const auto table, ListTable<Disk>::choose(columns, options));
//     table.sort(disks);
//     table.print(context, disks);
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cmd/cli/text_table.hpp"
#include "core/base/result.hpp"

namespace CLI {
class App;
}

namespace ploopu::cmd {

// A number, a text, or nothing, which is printed as "-". Numbers sort before texts, nothing last.
using Cell = std::variant<uint64_t, std::string, std::monostate>;

enum class CellKind {
  text,
  number,
  size,  // in bytes; printed with a unit, unless -b is given
};

template <class Row>
struct ListColumn {
  const char* name;  // upper case
  const char* help;  // printed by -o help
  CellKind kind;
  Cell (*get)(const Row&);
  ColourOf colour = nullptr;
};

struct ListOptions {
  std::string columns;  // names in any case, such as "CTID,name"; empty for all columns
  std::string sort;     // the name of a column; empty to keep the order of the rows
  bool hides_headings = false;
  bool in_bytes = false;
};

// Adds -o, -H, -b and --sort. `options` must outlive `command`.
void add_list_options(CLI::App& command, ListOptions& options);

// The text, or nothing if it is empty.
[[nodiscard]] Cell text_cell(const std::string& text);
// A number if the CTID is one, so that 9 sorts before 10; otherwise a text.
[[nodiscard]] Cell ctid_cell(const std::string& ctid);
// The texts, joined by ", "; nothing if there are none.
[[nodiscard]] Cell joined_cell(const std::vector<std::string>& texts);

[[nodiscard]] std::string print_cell(const Cell& cell, CellKind kind, bool in_bytes);

// Indexes into `names` of the words in `wanted`, which commas separate; case does not matter.
// ErrorKind::usage, with all names, for a word that is none of them.
[[nodiscard]] Result<std::vector<size_t>> find_columns(std::string_view wanted,
                                                       const std::vector<std::string>& names);

template <class Row>
class ListTable {
 public:
  // ErrorKind::usage for a column that doesn't exist, and for more than one to sort by.
  [[nodiscard]] static Result<ListTable> choose(const std::vector<ListColumn<Row>>& columns,
                                                const ListOptions& options) {
    std::vector<std::string> names;
    names.reserve(columns.size());
    for (const auto& column : columns) names.emplace_back(column.name);
    ListTable table;
    table.options_ = options;
    table.columns_ = columns;
    if (!options.sort.empty()) {
      PLOOPU_TRY(const auto found, find_columns(options.sort, names));
      if (found.size() > 1) return fail(ErrorKind::usage, "--sort takes one column");
      table.sort_by_ = columns[found.front()].get;
    }
    if (!options.columns.empty()) {
      PLOOPU_TRY(const auto found, find_columns(options.columns, names));
      table.columns_.clear();
      for (const size_t index : found) table.columns_.push_back(columns[index]);
    }
    return table;
  }

  void sort(std::vector<Row>& rows) const {
    if (sort_by_ == nullptr) return;
    std::stable_sort(rows.begin(), rows.end(),
                     [this](const Row& a, const Row& b) { return sort_by_(a) < sort_by_(b); });
  }

  void print(const Context& context, const std::vector<Row>& rows) const {
    std::vector<Column> columns;
    for (const auto& column : columns_) {
      columns.push_back({column.name, column.kind != CellKind::text, column.colour});
    }
    std::vector<std::vector<std::string>> lines;
    for (const auto& row : rows) {
      auto& line = lines.emplace_back();
      for (const auto& column : columns_) {
        line.push_back(print_cell(column.get(row), column.kind, options_.in_bytes));
      }
    }
    print_table(context, columns, lines,
                options_.hides_headings ? Headings::hidden : Headings::shown);
  }

 private:
  ListTable() = default;

  ListOptions options_;
  std::vector<ListColumn<Row>> columns_;
  Cell (*sort_by_)(const Row&) = nullptr;
};

// Whether "-o help" was given, which lists the columns.
inline bool asks_for_columns(const ListOptions& options) { return options.columns == "help"; }

template <class Row>
void print_columns(const Context& context, const std::vector<ListColumn<Row>>& columns) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(columns.size());
  for (const auto& column : columns) rows.push_back({column.name, column.help});
  print_table(context, {{"COLUMN"}, {"CONTENTS"}}, rows);
}

// The names of all columns, each after a blank, for help and completion.
template <class Row>
std::string column_names(const std::vector<ListColumn<Row>>& columns) {
  std::string names;
  for (const auto& column : columns) names += std::string(" ") + column.name;
  return names;
}

}  // namespace ploopu::cmd
