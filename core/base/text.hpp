// SPDX-License-Identifier: GPL-2.0-or-later
// Helpers for text. Text from images, descriptors and file names is untrusted: it stays unchanged
// in memory, in messages too, and passes through escape_bytes() when it is printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ploopu {

// Turns any bytes into UTF-8 without control characters: each unprintable byte becomes \xNN.
std::string escape_bytes(std::string_view bytes);

// Whether all of `bytes` is valid UTF-8. Control characters are allowed.
bool is_utf8(std::string_view bytes);

// A size for people: "1 MiB", "1.5 GiB", "512 B". Units are powers of 1024.
std::string human_size(uint64_t bytes);

// `text` without the blanks, tabs and line ends around it.
std::string_view trim(std::string_view text);

// Makes ASCII letters lower case, whatever the locale.
[[nodiscard]] std::string lower_case(std::string_view text);

// The parts between the separators, empty ones too. An empty text has one empty part.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// Parses all of `text` as a number without sign or blanks. Returns nothing for anything else, or if
// it does not fit into 64 bits.
std::optional<uint64_t> parse_number(std::string_view text, int base = 10);

}  // namespace ploopu
