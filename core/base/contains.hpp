// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>

namespace ploopu {

template <class List, class Value>
[[nodiscard]] bool contains(const List& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace ploopu
