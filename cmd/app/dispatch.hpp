// SPDX-License-Identifier: GPL-2.0-or-later
// The entry to the commands: parses a command line, runs its verb, and prints errors.
#pragma once

#include <string>
#include <vector>

#include "cmd/cli/context.hpp"

namespace ploopu::cmd {

// Runs one command line (without the program's name) and returns the exit code of sysexits.h
// (core/base/exit_code.hpp). Sets the options and the tree of `context`. An error is printed on
// context.err.
int run(std::vector<std::string> arguments, Context& context);

}  // namespace ploopu::cmd
