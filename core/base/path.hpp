// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of a path. Both functions look at the text only: "a/.." stays "a/..".
#pragma once

#include <string>
#include <string_view>

namespace ploopu {

// The part after the last slash: "c" for "/a/b/c" and for "c", "" for "/a/b/".
[[nodiscard]] inline std::string base_name(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// The part before the last slash: "/a/b" for "/a/b/c", "" for "/c", so that callers can append a
// slash and a name to either. A path without a slash is returned unchanged.
[[nodiscard]] inline std::string directory_of(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/')));
}

}  // namespace ploopu
