// SPDX-License-Identifier: GPL-2.0-or-later
// Creates and frees loop devices on files that were opened or mounted by ploopu.
//
//   PLOOPU_TRY(const auto node, attach_loop("/run/ploopu/ID/disk", false, true));
//   PLOOPU_TRY(auto claim, claim_disk(node));
//   PLOOPU_CHECK(detach_loop(node, "/run/ploopu/ID/disk", std::move(claim)));
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

// attach_loop() and attach_direct_loop() make the driver read past the page cache of the file, and
// fail if it can't: through the page cache, the driver turns read errors into zeros
// (docs/KERNEL.md#loop-reading-past-the-page-cache).

// Binds a free loop device to `file` and returns its node, which has blocks of 512 bytes. If
// `scan`, the kernel looks for partitions on it. The device exists until detach_loop().
// ErrorKind::missing_kernel_part if the file system of `file` has no direct I/O.
[[nodiscard]] Result<std::string> attach_loop(const std::string& file, bool is_writable, bool scan);

// True if the kernel looks for partitions on the device. Then it also removes their nodes when the
// device is freed.
[[nodiscard]] bool finds_partitions(const std::string& node);

// Binds a free loop device to an open file, read-only and without partitions. A last part of a
// sector isn't shown. The kernel frees the device when its last user closes it. The caller keeps
// `file` and may close it afterwards; `name` is the file in messages. In a rare case, a file that
// is truncated while it is attached reads as zeros
// (docs/KERNEL.md#loop-reading-past-the-page-cache). ErrorKind::missing_kernel_part as for
// attach_loop().
[[nodiscard]] Result<LoopDevice> attach_direct_loop(int file, const std::string& name);

// Does the work of attach_direct_loop() for a file in memory that nobody can change, and which
// needs no direct I/O.
[[nodiscard]] Result<LoopDevice> attach_memory_loop(int file, const std::string& name);

// Frees the device `node`, which `loop` has open, and waits until the kernel has closed `file`.
// ErrorKind::busy if something keeps the device open for ten seconds.
[[nodiscard]] Result<void> detach_loop(const std::string& node, const std::string& file,
                                       UniqueFd loop);

// A loop device, and the file that sysfs shows for it; empty if the device is free.
struct BoundLoop {
  std::string node;
  std::string file;
};

// Returns the loop devices below the device with this number.
[[nodiscard]] std::vector<BoundLoop> loops_below(dev_t device);

// Waits until the kernel has freed all these devices, after the device above them was removed.
// ErrorKind::busy after ten seconds.
[[nodiscard]] Result<void> wait_for_loops(const std::vector<BoundLoop>& loops);

}  // namespace ploopu
