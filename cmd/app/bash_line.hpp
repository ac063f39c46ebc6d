// SPDX-License-Identifier: GPL-2.0-or-later
// Splits a command line of bash into words as bash does, and quotes a completed word so that it
// fits in at the cursor:
//     const BashLine line = split_bash_line("ploopu info '/vz/pri", ":=");
//     quote_for_bash(line, "/vz/private/")   // "/vz/private/": the quote is open already
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ploopu::cmd {

struct BashLine {
  std::vector<std::string> words;  // unquoted; the last word is being typed, and may be empty
  char quote = '\0';               // the quote that is open at the cursor, or '\0'
  // Bytes of the last word, unquoted, that bash leaves as they are: it replaces only the rest.
  size_t kept = 0;
};

// `line` is the command up to the cursor; `breaks` is COMP_WORDBREAKS. Variables and patterns are
// not expanded.
[[nodiscard]] BashLine split_bash_line(std::string_view line, std::string_view breaks);

// The text that bash inserts at the cursor so that `word` becomes the last word of `line`.
[[nodiscard]] std::string quote_for_bash(const BashLine& line, std::string_view word);

}  // namespace ploopu::cmd
