// SPDX-License-Identifier: GPL-2.0-or-later
// Clears the environment of variables that a caller could use against a program that root runs.
#pragma once

#include <string>
#include <vector>

namespace ploopu {

// The environment of the caller.
struct CallersEnvironment {
  std::string path;                    // PATH; empty without one
  std::vector<std::string> variables;  // all of them, "NAME=VALUE"
};

// Removes all variables but a few that are known to be harmless, and sets PATH to the directories
// of the system. Root may have come by sudo, with the environment of a stranger, and libraries read
// variables that load code (LD_PRELOAD, GCONV_PATH, LOCPATH), print secrets, or decide where they
// look for programs and scratch space (CVE-2026-53614). Returns the environment as it was. Call it
// before the first thread starts, and before setlocale(3).
CallersEnvironment clear_environment();

}  // namespace ploopu
