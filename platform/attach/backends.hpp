// SPDX-License-Identifier: GPL-2.0-or-later
// The table of back ends: joins each row of core/attach/backend_rules to the class that implements
// it.
//
//   const auto backend = host_backend("nbd").make(runtime);
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
  // Returns a back end that keeps its files in `runtime`, which must outlive it.
  std::unique_ptr<Backend> (*make)(const RuntimeDir& runtime);
  // Reports whether the host has what the back end needs for a block device, or for a file if
  // `as_file`. Changes nothing on the host.
  BackendReport (*survey)(const HostFacts& host, bool as_file);
};

// All back ends, in the order of kBackends.
[[nodiscard]] const std::array<HostBackend, kBackends.size()>& host_backends();

// `name` must be in kBackends.
[[nodiscard]] const HostBackend& host_backend(std::string_view name);

}  // namespace ploopu
