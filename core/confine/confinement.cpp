// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/confine/confinement.hpp"

namespace ploopu {
namespace {

const Confinement* current = nullptr;  // NOLINT(*-avoid-non-const-global-variables): one policy

}  // namespace

const Confinement* confinement() { return current; }
void set_confinement(const Confinement* confinement) { current = confinement; }

}  // namespace ploopu
