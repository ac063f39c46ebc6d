// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/environment.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace ploopu {
namespace {

// Beginnings of names, because new versions of libraries read new variables. "NL" stands for the
// variables of libnl, such as NLCB.
constexpr std::array<std::string_view, 7> kUnwanted = {
    "BLKID_", "LD_", "LIBBLKID_", "LIBMOUNT_", "LIBSMARTCOLS_", "NL", "TMPDIR="};

}  // namespace

std::string clear_environment() {
  std::vector<std::string> names;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const bool unwanted =
        std::any_of(kUnwanted.begin(), kUnwanted.end(),
                    [&](std::string_view name) { return text.starts_with(name); });
    if (unwanted) names.emplace_back(text.substr(0, text.find('=')));
  }
  for (const auto& name : names) ::unsetenv(name.c_str());
  const char* path = std::getenv("PATH");
  std::string before = path == nullptr ? "" : path;
  // libkmod runs the "install" commands of modprobe.d, which find programs by PATH.
  ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  return before;
}

}  // namespace ploopu
