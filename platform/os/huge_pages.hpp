// SPDX-License-Identifier: GPL-2.0-or-later
// A memory resource that places large allocations in huge pages:
//
//   std::pmr::set_default_resource(huge_pages());  // once, at the start of the program
#pragma once

#include <memory_resource>

namespace ploopu {

// Returns heap memory; pieces of 2 MiB or more are in huge pages if the kernel has them for
// programs that ask (madvise(2)). Filling the lookup table of a large disk then costs a fraction
// of the page faults. The resource is thread-safe and lives as long as the process.
[[nodiscard]] std::pmr::memory_resource* huge_pages();

}  // namespace ploopu
