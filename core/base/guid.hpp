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

// Strips the braces from a GUID, or the beginning of a GUID, as users type it, and makes it lower
// case.
[[nodiscard]] std::string guid_prefix(std::string_view text);

// The first eight digits of a GUID in braces: enough to recognise a snapshot, and to name it with
// -s.
[[nodiscard]] std::string short_guid(std::string_view guid);

}  // namespace ploopu
