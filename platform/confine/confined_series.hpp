// SPDX-License-Identifier: GPL-2.0-or-later
// Confinement for many pieces of work of a kind: a child gives away its rights once and then forks
// a process for each piece, which costs little. The child itself sees no stranger's byte.
#pragma once

#include <memory>

#include "core/confine/confinement.hpp"

namespace ploopu {

// Implements Confinement::start_series(). The child ends with the returned object.
[[nodiscard]] Result<std::unique_ptr<WorkSeries>> start_confined_series(
    const SeriesWork& work, const std::string& rehearsal);

}  // namespace ploopu
