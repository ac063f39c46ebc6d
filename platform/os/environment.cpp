// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/environment.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include <unistd.h>

namespace ploopu {
namespace {

// Variables that stay; a name that ends with '_' stands for all names that begin so. NOTIFY_SOCKET
// is of the service manager, COMP_ of the shells' completion, and man(1) reads PAGER, MANPAGER and
// MANPATH.
constexpr std::array<std::string_view, 17> kKept = {
    "COLUMNS",  "COMP_",   "HOME",           "LANG",     "LC_",   "LINES",    "LOGNAME",
    "MANPAGER", "MANPATH", "NOTIFY_SOCKET",  "NO_COLOR", "PAGER", "SUDO_GID", "SUDO_UID",
    "TERM",     "USER",    "XDG_RUNTIME_DIR"};

bool is_kept(std::string_view name) {
  return std::any_of(kKept.begin(), kKept.end(), [&](std::string_view kept) {
    return kept.ends_with('_') ? name.starts_with(kept) : name == kept;
  });
}

}  // namespace

CallersEnvironment clear_environment() {
  CallersEnvironment before;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    before.variables.emplace_back(*variable);
  }
  const char* path = std::getenv("PATH");
  if (path != nullptr) before.path = path;
  ::clearenv();
  for (const std::string_view variable : before.variables) {
    const size_t equals = variable.find('=');
    const std::string name(variable.substr(0, equals));
    if (equals == std::string_view::npos || !is_kept(name)) continue;
    ::setenv(name.c_str(), std::string(variable.substr(equals + 1)).c_str(), 1);
  }
  // libkmod runs the "install" commands of modprobe.d, which find programs by PATH.
  ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  return before;
}

}  // namespace ploopu
