// SPDX-License-Identifier: GPL-2.0-or-later
// The dm back end: makes the disk a device-mapper device over loop devices on the files of the
// image. The kernel serves it alone, without a server. Partitions are dm devices above that of the
// disk.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/kernel/host_facts.hpp"
#include "platform/serve/backend.hpp"

namespace ploopu {

// Implements Backend (platform/serve/backend.hpp), which documents the methods.
class DmBackend final : public Backend {
 public:
  explicit DmBackend(const RuntimeDir& /*runtime*/) {}

  // Finds out whether this back end works on the host, and changes nothing.
  [[nodiscard]] static BackendReport survey(const HostFacts& host, bool as_file);

  [[nodiscard]] const char* name() const override { return "dm"; }
  [[nodiscard]] Result<void> prepare(bool as_file) const override;
  [[nodiscard]] Result<std::optional<ServerProcess>> serve(const ServedDisk& disk,
                                                           const DiskLayout& layout, Record& record,
                                                           int lock) const override;
  [[nodiscard]] Result<std::vector<AttachedPartition>> provide_partitions(
      const Record& record, const DiskLayout& layout,
      std::vector<std::string>& notes) const override;
  [[nodiscard]] std::string backing_file(const Record& /*record*/) const override { return ""; }
  [[nodiscard]] std::string find_device(const Record& record,
                                        const BlockSnapshot& now) const override;
  [[nodiscard]] bool is_served(const Record& record, bool has_server) const override;
  [[nodiscard]] Result<void> release(const Record& record) const override;
};

}  // namespace ploopu
