// SPDX-License-Identifier: GPL-2.0-or-later
// mount.ploopu and umount.ploopu: mount(8) runs the first for the type ploopu, and umount(8) the
// second for such a mount. Both are names of this program.
#pragma once

#include <string>
#include <vector>

#include "cmd/cli/context.hpp"

namespace ploopu::cmd {

// Whether `program`, the name or path by which this program was called, is that of a helper.
[[nodiscard]] bool is_mount_helper(const std::string& program);

// Translates the arguments of mount(8) or umount(8) into a command line of ploopu and runs it.
// Prints nothing on success unless -v is given. Returns an exit code of mount(8).
int run_mount_helper(const std::string& program, const std::vector<std::string>& arguments,
                     Context& context);

}  // namespace ploopu::cmd
