// SPDX-License-Identifier: GPL-2.0-or-later
// Loads kernel modules, as modprobe(8) does.
//
//   PLOOPU_CHECK(require_driver("/dev/loop-control", "loop"));
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ploopu {

// Loads a module of the running kernel and the modules that it depends on. `options` are the
// module's parameters, separated by blanks. ErrorKind::missing_kernel_part if this kernel has no
// such module or modprobe.d forbids it, ErrorKind::not_permitted without the right to load it.
[[nodiscard]] Result<void> load_kernel_module(const std::string& name, const std::string& options);

// Makes sure that the driver of device node `node` is there: loads `module` if the node is missing
// or has no driver. Fails as load_kernel_module() does, or if the node can't be opened.
[[nodiscard]] Result<void> require_driver(const char* node, const char* module);

}  // namespace ploopu
