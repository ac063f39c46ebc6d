// SPDX-License-Identifier: GPL-2.0-or-later
// The nbd back end: makes the disk a device of the kernel's nbd driver. ploopu's server answers on
// UNIX socket pairs.
#pragma once

#include <optional>
#include <string>

#include "platform/kernel/host_facts.hpp"
#include "platform/serve/backend.hpp"

namespace ploopu {

// Implements Backend (platform/serve/backend.hpp), which documents the methods.
class NbdBackend final : public Backend {
 public:
  // `runtime` must outlive the object.
  explicit NbdBackend(const RuntimeDir& runtime) : runtime_(runtime) {}

  // Finds out whether this back end works on the host, and changes nothing.
  [[nodiscard]] static BackendReport survey(const HostFacts& host, bool as_file);

  [[nodiscard]] const char* name() const override { return "nbd"; }
  [[nodiscard]] Result<void> prepare(bool as_file) const override;
  [[nodiscard]] Result<std::optional<ServerProcess>> serve(const ServedDisk& disk,
                                                           const DiskLayout& layout, Record& record,
                                                           int lock) const override;
  [[nodiscard]] Result<ServerProcess> take_over(const ServedDisk& disk, const Record& record,
                                                int lock) const override;
  [[nodiscard]] std::string backing_file(const Record& /*record*/) const override { return ""; }
  [[nodiscard]] std::string find_device(const Record& record,
                                        const BlockSnapshot& now) const override;
  [[nodiscard]] bool frees_cut_off() const override { return true; }
  [[nodiscard]] Result<void> cut_off(const Record& record) const override;
  [[nodiscard]] Result<void> release(const Record& record) const override;

 private:
  const RuntimeDir& runtime_;
};

}  // namespace ploopu
