// SPDX-License-Identifier: GPL-2.0-or-later
// A parser that is taken over on purpose: words in a descriptor say what it does then.
#pragma once

#include <string>

#include "core/confine/confinement.hpp"

namespace ploopu::testing {

// Returns what a descriptor has at its end to start an attack: taken_over.cpp lists the attacks.
[[nodiscard]] std::string words_of_attack(const std::string& attack);

// Returns the series with work that attacks instead when its argument has such words.
[[nodiscard]] SeriesWork taken_over(SeriesWork series);

}  // namespace ploopu::testing
