// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace ploopu {

// Becomes the program "ploopu-VERB", of the first directory of `search_path` that has it, which is
// also its PATH. Only absolute directories count. Returns without an error when there is none;
// fails when there is one that can't be run.
[[nodiscard]] Result<void> run_extension_program(const std::string& verb,
                                                 const std::vector<std::string>& arguments,
                                                 const std::string& search_path);

}  // namespace ploopu
