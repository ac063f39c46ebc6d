// SPDX-License-Identifier: GPL-2.0-or-later
// Clears the environment of variables that a caller could use against a program that root runs.
#pragma once

#include <string>

namespace ploopu {

// Removes variables that change what libraries do, make them print, or decide where they look for
// programs and scratch space (CVE-2026-53614), and sets PATH to the directories of the system.
// Root may have come by sudo, with the environment of a stranger. Returns the previous PATH. Call
// it before the first thread starts.
std::string clear_environment();

}  // namespace ploopu
