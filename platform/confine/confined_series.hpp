// SPDX-License-Identifier: GPL-2.0-or-later
// Confinement for many pieces of work of a kind: a child gives away its rights once and then forks
// a process for each piece, which costs little. The child itself sees no stranger's byte.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <sys/types.h>

#include "core/confine/confinement.hpp"

namespace ploopu {

// Implements Confinement::start_series(). The child ends with the returned object. It runs
// `program`, an executable file that calls serve_series() with its two arguments, both numbers. If
// `program` is empty or can't be run, a fork of this process serves instead.
[[nodiscard]] Result<std::unique_ptr<WorkSeries>> start_confined_series(
    const SeriesWork& series, std::span<const std::byte> program);

// The child. `control` is its socket to `parent`, which started it.
[[noreturn]] void serve_series(int control, pid_t parent, const SeriesWork& series);

}  // namespace ploopu
