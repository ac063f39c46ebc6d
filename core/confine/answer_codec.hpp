// SPDX-License-Identifier: GPL-2.0-or-later
// The forms in which results of parsing go from one process to another of the same program, and
// results that nobody else sees.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/format/format_extension.hpp"

namespace ploopu {

// What Disk has read from all tables. Its numbers are in memory that both processes see.
struct TableAnswer {
  // For each piece: 1 + where in the memory its entries are, the same of their owners, or 0; and
  // its owner.
  std::vector<std::array<uint64_t, 3>> pieces;
  std::vector<std::array<uint64_t, 2>> usage;   // of each delta: allocated, damaged
  std::vector<std::array<uint64_t, 4>> splits;  // cluster; entry, owner and valid bytes of a layer
  uint64_t clusters_allocated = 0;
};

struct ExtensionAnswer {
  FormatExtension extension;
  uint64_t bytes_left = 0;  // of what may be read for extensions of one image
};

// Of the types that core/answers.cpp names: others don't link.
template <class T>
[[nodiscard]] std::string encode_answer(const Result<T>& result);

// What isn't an answer is an error, too; `what` is the file it is about.
template <class T>
[[nodiscard]] Result<T> decode_answer(const std::string& bytes, const std::string& what);

}  // namespace ploopu
