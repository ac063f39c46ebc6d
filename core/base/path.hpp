// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of a path. Both functions look at the text only: "a/.." stays "a/..".
#pragma once

#include <string>
#include <string_view>

namespace ploopu {

// "c" of "/a/b/c", and of "c"; "" of "/a/b/".
[[nodiscard]] inline std::string base_name(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// "/a/b" of "/a/b/c"; "" of "/c", so that a slash and a name can follow in any case. A path without
// a slash is returned as it is.
[[nodiscard]] inline std::string directory_of(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/')));
}

}  // namespace ploopu
