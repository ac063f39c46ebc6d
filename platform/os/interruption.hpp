// SPDX-License-Identifier: GPL-2.0-or-later
// Ctrl-C while a command creates devices or mounts: the signal waits until the command has removed
// its half-finished work. The next command could remove it, too, but a user who presses Ctrl-C
// wants it gone at once.
//
//   hold_interruptions();
//   PLOOPU_CHECK(check_not_interrupted());  // before each step; undo what was done on error
//   obey_interruption();                    // when the command has failed, as its last step
#pragma once

#include "core/base/result.hpp"

namespace ploopu {

// Blocks SIGHUP, SIGINT and SIGTERM until obey_interruption(). Signals that the parent process has
// set to be ignored or blocked are left as they are. Call it in the main thread, before others
// start.
void hold_interruptions();

// Fails with ErrorKind::failed if such a signal has come since hold_interruptions().
[[nodiscard]] Result<void> check_not_interrupted();

// Returns a descriptor for poll(2) that is readable once such a signal has come; -1 before
// hold_interruptions(). The caller must not close it.
[[nodiscard]] int interruption_descriptor();

// Unblocks the signals, so that a signal that has come ends the process now.
void obey_interruption();

}  // namespace ploopu
