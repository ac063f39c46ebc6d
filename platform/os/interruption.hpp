// SPDX-License-Identifier: GPL-2.0-or-later
// What Ctrl-C does to a command that is making something. The next command would take down what it
// left; but whoever has changed their mind wants it gone at once.
#pragma once

#include "core/base/result.hpp"

namespace ploopu {

// From now on, and until the process ends, SIGHUP, SIGINT and SIGTERM wait. Those that whoever
// started us has turned off stay off.
void hold_interruptions();

// An error once such a signal waits.
[[nodiscard]] Result<void> check_not_interrupted();

// To poll() beside other things: it can be read once such a signal waits. -1 while they aren't
// held.
[[nodiscard]] int interruption_descriptor();

// Ends the process by the signal that waits, if there is one, as it would have done at once.
void obey_interruption();

}  // namespace ploopu
