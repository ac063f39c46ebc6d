// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "core/base/result.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

struct LoopDevice {
  std::string node;
  UniqueFd fd;  // open for reading
};

// attach_loop() and attach_direct_loop() read past the page cache of their file, or are refused.
// Otherwise the driver of Linux 6.1 (lo_read_simple) takes zeros for what a file that shrank no
// longer has, and for a whole request that begins in sound data and runs into what can't be read.

// Makes a free loop device a view of `file`, writable or not, and returns its node. 512-byte
// blocks; if `scan`, the kernel looks for partitions on it.
[[nodiscard]] Result<std::string> attach_loop(const std::string& file, bool is_writable, bool scan);

// Whether the kernel looks for partitions on the device: then it also takes their nodes away when
// the device is freed.
[[nodiscard]] bool finds_partitions(const std::string& node);

// Makes a free loop device a read-only view of an open file, `name` in messages, without a last
// part of a sector. The kernel frees the device when nothing has it open any more, and looks for no
// partitions on it. One case remains: of a file that is cut both
// inside a hole and inside a sector while it is attached, the request that spans the cut reads as
// zeros from there on.
[[nodiscard]] Result<LoopDevice> attach_direct_loop(int file, const std::string& name);

// The same for a file in memory that nobody can change.
[[nodiscard]] Result<LoopDevice> attach_memory_loop(int file, const std::string& name);

// Frees the device that `loop` has open, and waits until the kernel has let go of the file.
[[nodiscard]] Result<void> detach_loop(const std::string& node, const std::string& file,
                                       UniqueFd loop);

// A loop device below another device, and the file that sysfs shows for it; empty when it is free.
struct BoundLoop {
  std::string node;
  std::string file;
};

// The loop devices that the device with this number is made of.
[[nodiscard]] std::vector<BoundLoop> loops_below(dev_t device);

// Waits until none of them, which nobody needs any more, is on its file.
[[nodiscard]] Result<void> wait_for_loops(const std::vector<BoundLoop>& loops);

}  // namespace ploopu
