// SPDX-License-Identifier: GPL-2.0-or-later
// What bash has on its command line when it asks for completions, and how answers get back into it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ploopu::cmd {

struct BashLine {
  std::vector<std::string> words;  // without their quotes; the last one is being typed
  char quote = '\0';               // in which that was left open
  // So many of its bytes stay where they are: bash completes only what is behind them.
  size_t kept = 0;
};

// `line` is the command up to the cursor; `breaks` is COMP_WORDBREAKS. Variables and the like are
// text: nothing is expanded.
[[nodiscard]] BashLine split_bash_line(std::string_view line, std::string_view breaks);

// What bash has to insert so that `word` becomes the last one.
[[nodiscard]] std::string quote_for_bash(const BashLine& line, std::string_view word);

}  // namespace ploopu::cmd
