// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "core/find/image_use.hpp"

namespace ploopu::testing {

// Returns the uses that a test sets.
class FakeImageUses final : public ImageUses {
 public:
  [[nodiscard]] std::vector<Use> of_places(const UsePlaces& asked) const override {
    places = asked;
    return container_uses;
  }
  [[nodiscard]] std::vector<Use> of_disk(const Disk& /*disk*/) const override { return disk_uses; }

  std::vector<Use> container_uses;
  std::vector<Use> disk_uses;
  mutable UsePlaces places;
};

}  // namespace ploopu::testing
