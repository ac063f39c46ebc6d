// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the port ImageUses (core/find/image_use.hpp) for this host.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/find/image_use.hpp"

namespace ploopu {

// Collects evidence from /proc, /sys and file locks. Users other than root see less.
class HostImageUses final : public ImageUses {
 public:
  // `prefix` is put before /proc and /sys, so that a test can show a host with an OpenVZ kernel.
  explicit HostImageUses(std::string prefix = "") : prefix_(std::move(prefix)) {}

  [[nodiscard]] std::vector<Use> of_places(const UsePlaces& places) const override;
  [[nodiscard]] std::vector<Use> of_disk(const Disk& disk) const override;

 private:
  void add_kernel_evidence(const std::string& ctid, std::vector<Use>& uses) const;
  void add_ploop_devices(const Disk& disk, std::vector<Use>& uses) const;

  std::string prefix_;
};

}  // namespace ploopu
