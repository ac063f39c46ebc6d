// SPDX-License-Identifier: GPL-2.0-or-later
// The back ends of this program, one line each: what joins a row of core/attach/backend_rules to
// the folder that does the work.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "core/attach/backend_rules.hpp"
#include "platform/kernel/host_facts.hpp"
#include "platform/serve/backend.hpp"

namespace ploopu {

struct HostBackend {
  std::string_view name;
  // Returns a back end that keeps its files in `runtime`, which outlives it.
  std::unique_ptr<Backend> (*make)(const RuntimeDir& runtime);
  // Tells whether the host has what the back end needs for a block device, or for a file.
  BackendReport (*survey)(const HostFacts& host, bool as_file);
};

// In the order of kBackends.
[[nodiscard]] const std::array<HostBackend, kBackends.size()>& host_backends();

// `name` is that of a row in kBackends.
[[nodiscard]] const HostBackend& host_backend(std::string_view name);

}  // namespace ploopu
