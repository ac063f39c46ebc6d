// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory_resource>

namespace ploopu {

// Memory of the heap, of which large pieces lie in huge pages where the kernel gives them to who
// asks. Filling the lookup table of a large disk then costs a fraction of the page faults.
[[nodiscard]] std::pmr::memory_resource* huge_pages();

}  // namespace ploopu
