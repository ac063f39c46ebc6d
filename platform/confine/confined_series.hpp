// SPDX-License-Identifier: GPL-2.0-or-later
// Confinement for many pieces of work of one kind: one child gives its rights away once, and forks
// a process for each piece, which then costs little. The child itself sees no stranger's byte.
#pragma once

#include <memory>

#include "core/confine/confinement.hpp"

namespace ploopu {

// As Confinement::start_series(). The child ends with the object.
[[nodiscard]] Result<std::unique_ptr<WorkSeries>> start_confined_series(
    const SeriesWork& work, const std::string& rehearsal);

}  // namespace ploopu
