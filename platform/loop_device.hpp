// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "platform/unique_fd.hpp"

namespace ploopu {

// Makes a free loop device a read-only view of `file` and returns its node. 512-byte blocks; the
// kernel scans it for partitions.
[[nodiscard]] Result<std::string> attach_loop(const std::string& file);

// The nodes of all loop devices on that file, by its path in sysfs.
[[nodiscard]] std::vector<std::string> loops_on(const std::string& file);

// Frees the device that `loop` has open, and waits until the kernel has let go of the file.
[[nodiscard]] Result<void> detach_loop(const std::string& node, const std::string& file,
                                       UniqueFd loop);

}  // namespace ploopu
