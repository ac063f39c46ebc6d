// SPDX-License-Identifier: GPL-2.0-or-later
// GUIDs: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12. Descriptors write GUIDs in braces,
// container IDs have no braces.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ploopu {

inline constexpr std::string_view kNullGuid = "{00000000-0000-0000-0000-000000000000}";

// True for a GUID in braces whose letters are lower case.
[[nodiscard]] bool is_guid(std::string_view text);

// The GUID without braces, hyphens added where `text` has none; letters keep their case. Nothing
// when `text` is no GUID.
[[nodiscard]] std::optional<std::string> parse_uuid(std::string_view text);

// `text` without the braces around it, in lower case: a GUID, or the beginning of one, as users
// type it.
[[nodiscard]] std::string guid_prefix(std::string_view text);

// The first eight digits of a GUID in braces: enough to recognise it, and for -s.
[[nodiscard]] std::string short_guid(std::string_view guid);

}  // namespace ploopu
