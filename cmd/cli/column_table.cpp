// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/cli/column_table.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/base/text.hpp"

namespace ploopu::cmd {
namespace {

std::string to_upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

}  // namespace

void add_list_options(CLI::App& command, ListOptions& options) {
  command
      .add_option("-o,--output", options.columns,
                  "Print these columns, separated by commas; 'help' lists them")
      ->type_name("COLS");
  command.add_option("--sort", options.sort, "Sort by this column")->type_name("COL");
  command.add_flag("-H,--no-header", options.hides_headings, "Do not print headings");
  command.add_flag("-b,--bytes", options.in_bytes, "Print sizes in bytes");
}

Cell text_cell(const std::string& text) {
  return text.empty() ? Cell(std::monostate()) : Cell(text);
}

Cell ctid_cell(const std::string& ctid) {
  const auto number = parse_number(ctid);
  return number ? Cell(*number) : text_cell(ctid);
}

Cell joined_cell(const std::vector<std::string>& texts) {
  return text_cell(fmt::format("{}", fmt::join(texts, ", ")));
}

std::string print_cell(const Cell& cell, CellKind kind, bool in_bytes) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  const auto* number = std::get_if<uint64_t>(&cell);
  if (number == nullptr) return "-";
  return kind == CellKind::size && !in_bytes ? human_size(*number) : std::to_string(*number);
}

Result<std::vector<size_t>> find_columns(std::string_view wanted,
                                         const std::vector<std::string>& names) {
  std::vector<size_t> found;
  for (const std::string_view word : split(wanted, ',')) {
    const auto name = std::find(names.begin(), names.end(), to_upper(word));
    if (name == names.end()) {
      return fail(ErrorKind::usage, "'{}' is not a column; choose from: {}", word,
                  fmt::join(names, " "));
    }
    found.push_back(static_cast<size_t>(name - names.begin()));
  }
  return found;
}

}  // namespace ploopu::cmd
