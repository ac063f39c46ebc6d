// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ploopu {

// Loads a module of the running kernel with what it depends on. The error says whether this kernel
// has no such module, we may not load it, or the kernel refused it.
[[nodiscard]] Result<void> load_kernel_module(const std::string& name, const std::string& options);

// Loads the module behind a device node that isn't there, or is there without a driver.
[[nodiscard]] Result<void> require_driver(const char* node, const char* module);

}  // namespace ploopu
