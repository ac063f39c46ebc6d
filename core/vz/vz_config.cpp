// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/vz/vz_config.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/base/text.hpp"

namespace ploopu {
namespace {

// Removes backslashes but keeps the character after each. vzctl does so before all other parsing.
std::string strip_backslashes(std::string_view line) {
  if (line.find('\\') == std::string_view::npos) return std::string(line);
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && ++i == line.size()) break;
    out += line[i];
  }
  return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Cuts a comment: '#' at the start of a word, outside quotes.
std::string_view strip_comment(std::string_view line) {
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#' && (i == 0 || is_blank(line[i - 1]))) {
      return line.substr(0, i);
    }
  }
  return line;
}

// The value after '='; nothing when its quote is not closed.
std::optional<std::string_view> unquote(std::string_view value) {
  value = trim(value);
  if (value.empty() || (value[0] != '"' && value[0] != '\'')) return value;
  const size_t end = value.rfind(value[0]);
  if (end == 0) return std::nullopt;
  return value.substr(1, end - 1);  // drops text after the closing quote
}

bool is_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

const std::string* VzConfig::find(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &found->second;
}

Result<VzConfig> parse_vz_config(const std::string& text, const std::string& name) {
  if (text.find('\0') != std::string::npos) {
    return fail(ErrorKind::damaged, "{}: contains a NUL byte: not a configuration file", name);
  }
  VzConfig config;
  size_t settings = 0;
  std::string_view rest = text;
  for (size_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view raw = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (raw.size() > kMaxConfigLine) {
      return fail(ErrorKind::damaged, "{}: line {} is longer than {} bytes", name, number,
                  kMaxConfigLine);
    }
    const std::string plain = strip_backslashes(raw);
    const std::string_view line = strip_comment(plain);
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const size_t start = std::min(line.find_first_not_of(" \t"), equals);
    const std::string_view key = line.substr(start, equals - start);
    if (!is_key(key)) continue;
    // No blank may follow '=': vzctl does not trim there, so the value would be empty.
    const std::string_view value = line.substr(equals + 1);
    if (!value.empty() && is_blank(value[0])) continue;
    const auto unquoted = unquote(value);
    if (!unquoted) {
      return fail(ErrorKind::damaged, "{}: line {}: the quote after {}= is never closed", name,
                  number, key);
    }
    if (!config.values.insert_or_assign(std::string(key), std::string(*unquoted)).second) {
      config.repeated.emplace(key);
    }
    if (++settings > kMaxConfigSettings) {
      return fail(ErrorKind::damaged, "{}: has more than {} settings: not a configuration file",
                  name, kMaxConfigSettings);
    }
  }
  return config;
}

}  // namespace ploopu
