// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "cmd/cli/context.hpp"

namespace ploopu::cmd {

// Runs one command line (without the program's name) and returns the exit code.
int run(std::vector<std::string> arguments, Context& context);

}  // namespace ploopu::cmd
