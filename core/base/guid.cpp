// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/guid.hpp"

#include "core/base/text.hpp"

namespace ploopu {
namespace {

constexpr size_t kUuidLength = 36;
constexpr size_t kDigits = 32;

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Takes kNullGuid as the pattern for the places of the hyphens.
bool is_uuid(std::string_view text) {
  if (text.size() != kUuidLength) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_hyphen = kNullGuid[i + 1] == '-';
    if (is_hyphen ? text[i] != '-' : !is_hex_digit(text[i])) return false;
  }
  return true;
}

bool has_braces(std::string_view text) {
  return text.size() >= 2 && text.front() == '{' && text.back() == '}';
}

}  // namespace

bool is_guid(std::string_view text) {
  return has_braces(text) && is_uuid(text.substr(1, text.size() - 2)) && lower_case(text) == text;
}

std::optional<std::string> parse_uuid(std::string_view text) {
  if (text.size() == kNullGuid.size() && has_braces(text)) text = text.substr(1, kUuidLength);
  std::string uuid(text);
  if (uuid.size() == kDigits) {
    for (size_t i = 0; i < kUuidLength; ++i) {
      if (kNullGuid[i + 1] == '-') uuid.insert(i, "-");
    }
  }
  return is_uuid(uuid) ? std::optional(uuid) : std::nullopt;
}

std::string guid_prefix(std::string_view text) {
  if (text.starts_with('{')) text.remove_prefix(1);
  if (text.ends_with('}')) text.remove_suffix(1);
  return lower_case(text);
}

std::string short_guid(std::string_view guid) {
  constexpr size_t kShown = 8;
  return std::string(guid.substr(1, kShown));
}

}  // namespace ploopu
