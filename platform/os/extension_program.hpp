// SPDX-License-Identifier: GPL-2.0-or-later
// Runs programs that add verbs to ploopu: "ploopu VERB" becomes the program "ploopu-VERB".
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "platform/os/environment.hpp"

namespace ploopu {

// Replaces this process by the program "ploopu-VERB" from the first directory of the PATH that
// `environment` has. Directories are separated by ':' and skipped unless absolute. The program gets
// `environment`, which is the caller's. Returns success if there is no such program, and an error
// if it can't be executed.
[[nodiscard]] Result<void> run_extension_program(const std::string& verb,
                                                 const std::vector<std::string>& arguments,
                                                 const CallersEnvironment& environment);

}  // namespace ploopu
