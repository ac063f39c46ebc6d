// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace ploopu {

// Takes away variables that change what libraries do, make them print, or decide where they look
// for programs and scratch space (CVE-2026-53614): not for a program that root runs, perhaps by
// sudo. Returns the PATH that was. Call it before there are threads.
std::string clear_environment();

}  // namespace ploopu
