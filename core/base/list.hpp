// SPDX-License-Identifier: GPL-2.0-or-later
// Helpers for containers of the standard library.
#pragma once

#include <algorithm>
#include <iterator>
#include <utility>

namespace ploopu {

template <class List, class Value>
[[nodiscard]] bool contains(const List& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Moves the items of `more` to the end of `list`.
template <class List>
void append(List& list, List more) {
  list.insert(list.end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

}  // namespace ploopu
