// SPDX-License-Identifier: GPL-2.0-or-later
// Lists of any kind: find a value, put one list after another.
#pragma once

#include <algorithm>
#include <iterator>
#include <utility>

namespace ploopu {

template <class List, class Value>
[[nodiscard]] bool contains(const List& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Puts the items of `more` after those of `list`.
template <class List>
void append(List& list, List more) {
  list.insert(list.end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

}  // namespace ploopu
