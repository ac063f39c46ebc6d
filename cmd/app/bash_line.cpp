// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/app/bash_line.hpp"

#include <algorithm>

namespace ploopu::cmd {
namespace {

constexpr std::string_view kBlanks = " \t\n";

bool is_in(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

// Whether bash takes the character literally outside of quotes. True for every byte above 0x7f.
bool is_plain(char c) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_letter || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80 ||
         is_in("_./,+:=@%^-", c);
}

}  // namespace

BashLine split_bash_line(std::string_view line, std::string_view breaks) {
  BashLine split;
  std::string word;
  bool in_word = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (split.quote != '\0' && c == split.quote) {
      split.quote = '\0';
    } else if (split.quote == '\0' && is_in("'\"", c)) {
      split.quote = c;
      split.kept = word.size();
      in_word = true;
    } else if (c == '\\' && split.quote != '\'' && i + 1 < line.size() &&
               (split.quote == '\0' || is_in("\"\\$`", line[i + 1]))) {
      word += line[++i];
      in_word = true;
    } else if (split.quote == '\0' && is_in(kBlanks, c)) {
      if (in_word) split.words.push_back(word);
      word.clear();
      in_word = false;
      split.kept = 0;
    } else {
      word += c;
      in_word = true;
      if (split.quote == '\0' && is_in(breaks, c)) split.kept = word.size();
    }
  }
  split.words.push_back(word);
  return split;
}

std::string quote_for_bash(const BashLine& line, std::string_view word) {
  std::string quoted;
  for (const char c : word.substr(std::min(line.kept, word.size()))) {
    if (line.quote == '\'') {
      quoted += c == '\'' ? "'\\''" : std::string(1, c);
      continue;
    }
    const bool is_special = line.quote == '"' ? is_in("\"\\$`", c) : !is_plain(c);
    if (is_special) quoted += '\\';
    quoted += c;
  }
  return quoted;
}

}  // namespace ploopu::cmd
