// SPDX-License-Identifier: GPL-2.0-or-later
// mount(8) runs mount.ploopu for the type ploopu, and umount(8) runs umount.ploopu for what that
// mounted. Both are names of this program.
#pragma once

#include <string>
#include <vector>

#include "cmd/cli/context.hpp"

namespace ploopu::cmd {

// Whether a program that was called by this name, its path included, is one of them.
[[nodiscard]] bool is_mount_helper(const std::string& program);

// Takes the arguments that mount(8) and umount(8) give their helpers. Silent when all is well. The
// exit code is one that they know.
int run_mount_helper(const std::string& program, const std::vector<std::string>& arguments,
                     Context& context);

}  // namespace ploopu::cmd
