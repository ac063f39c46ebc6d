// SPDX-License-Identifier: GPL-2.0-or-later
// Tables of which the user chooses columns and order. Each column is described once: its name, what
// is in it, and how it is got from a row.
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

// A number, a text, or nothing, which is printed as "-". They sort in this order.
using Cell = std::variant<uint64_t, std::string, std::monostate>;

enum class CellKind {
  text,
  number,
  size,  // in bytes; printed with a unit, unless -b is given
};

template <class Row>
struct ListColumn {
  const char* name;  // upper case
  const char* help;  // what is in it
  CellKind kind;
  Cell (*get)(const Row&);
  ColourOf colour = nullptr;
};

struct ListOptions {
  std::string columns;  // "CTID,name"; empty: all of them
  std::string sort;     // one of them; empty: the rows stay as they are
  bool hides_headings = false;
  bool in_bytes = false;
};

// -o, -H, -b and --sort.
void add_list_options(CLI::App& command, ListOptions& options);

// Nothing for an empty text.
[[nodiscard]] Cell text_cell(const std::string& text);
// A number, if it is one: 9 comes before 10.
[[nodiscard]] Cell ctid_cell(const std::string& ctid);
[[nodiscard]] Cell joined_cell(const std::vector<std::string>& texts);

[[nodiscard]] std::string print_cell(const Cell& cell, CellKind kind, bool in_bytes);

// Which of the `names` those in the list `wanted`, separated by commas, are; case doesn't matter.
// ErrorKind::usage, with all the names, for one that isn't among them.
[[nodiscard]] Result<std::vector<size_t>> find_columns(std::string_view wanted,
                                                       const std::vector<std::string>& names);

template <class Row>
class ListTable {
 public:
  // ErrorKind::usage for a column that doesn't exist.
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

// "-o help": each with what is in it.
inline bool asks_for_columns(const ListOptions& options) { return options.columns == "help"; }

template <class Row>
void print_columns(const Context& context, const std::vector<ListColumn<Row>>& columns) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(columns.size());
  for (const auto& column : columns) rows.push_back({column.name, column.help});
  print_table(context, {{"COLUMN"}, {"WHAT"}}, rows);
}

// For help and completion; a blank before each.
template <class Row>
std::string column_names(const std::vector<ListColumn<Row>>& columns) {
  std::string names;
  for (const auto& column : columns) names += std::string(" ") + column.name;
  return names;
}

}  // namespace ploopu::cmd
