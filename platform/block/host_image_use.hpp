// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/find/image_use.hpp"

namespace ploopu {

// Evidence from /proc, /sys and locks of this host. Unprivileged callers see less.
class HostImageUses final : public ImageUses {
 public:
  // `prefix` stands before /proc and /sys, so that tests can play a host with an OpenVZ kernel.
  explicit HostImageUses(std::string prefix = "") : prefix_(std::move(prefix)) {}

  [[nodiscard]] std::vector<Use> of_places(const UsePlaces& places) const override;
  [[nodiscard]] std::vector<Use> of_disk(const Disk& disk) const override;

 private:
  void add_kernel_evidence(const std::string& ctid, std::vector<Use>& uses) const;
  void add_ploop_devices(const Disk& disk, std::vector<Use>& uses) const;

  std::string prefix_;
};

}  // namespace ploopu
