// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/steps/ploopu_tab.hpp"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string_view>

namespace ploopu::cmd {
namespace {

constexpr size_t kMaxSize = size_t{1} << 20;

std::string unescape(std::string_view text) {
  constexpr size_t kDigits = 3;
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digits = text.substr(i + 1, kDigits);
    const bool is_octal = digits.size() == kDigits && digits.front() <= '3' &&
                          digits.find_first_not_of("01234567") == std::string_view::npos;
    if (text[i] == '\\' && is_octal) {
      out += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
      i += kDigits;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word && !word.starts_with('#');) words.push_back(word);
  return words;
}

Result<TabLine> parse_line(const std::string& place, const std::vector<std::string>& words) {
  constexpr size_t kMost = 3;
  if (words.size() < 2 || words.size() > kMost) {
    return fail(ErrorKind::usage, "{}: must be NAME IMAGE [OPTION,...]; write a blank as \\040",
                place);
  }
  TabLine line{place, {unescape(words[1])}};
  std::istringstream options(words.size() == kMost ? words[2] : "");
  for (std::string option; std::getline(options, option, ',');) {
    line.arguments.push_back("--" + unescape(option));
  }
  return line;
}

}  // namespace

std::string tab_path() { return PLOOPU_SYSCONFDIR "/ploopu/ploopu.tab"; }

Result<TabLine> find_in_tab(const FileSystem& files, const std::string& name) {
  const std::string path = tab_path();
  PLOOPU_TRY(const auto tab, files.read_text(path, kMaxSize));
  std::istringstream lines(tab.text);
  std::optional<TabLine> found;
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto place = fmt::format("{}:{}", path, ++number);
    const auto words = words_of(line);
    if (words.empty() || words.front() != name) continue;
    if (found)
      return fail(ErrorKind::usage, "{}: '{}' has a second line here: remove one", place, name);
    PLOOPU_TRY(found, parse_line(place, words));
  }
  if (!found) return fail(ErrorKind::not_found, "{}: no line begins with '{}'", path, name);
  return *std::move(found);
}

}  // namespace ploopu::cmd
