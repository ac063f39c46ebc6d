// SPDX-License-Identifier: GPL-2.0-or-later
// Text from images, descriptors and file names is untrusted. It is kept as it is, in messages too,
// until it is printed: everything that reaches a terminal or JSON passes through escape_bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ploopu {

// Valid UTF-8 without control characters, from any bytes: what is neither becomes \xNN.
std::string escape_bytes(std::string_view bytes);

// Well-formed UTF-8 from end to end; control characters may be in it.
bool is_utf8(std::string_view bytes);

// "1 MiB", "1.5 GiB", "512 B": powers of 1024, at most one digit after the point.
std::string human_size(uint64_t bytes);

std::string_view trim(std::string_view text);

// ASCII letters only, so that the locale doesn't matter.
[[nodiscard]] std::string lower_case(std::string_view text);

// The parts between the separators; some may be empty. An empty text has one empty part.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// All of `text` as a number without sign or blanks; nothing when it is anything else or too large.
std::optional<uint64_t> parse_number(std::string_view text, int base = 10);

}  // namespace ploopu
