// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out what this host can do for ploopu, for "ploopu doctor":
//
//   const HostReport report = survey(this_host());
#pragma once

#include "core/attach/host_report.hpp"
#include "platform/kernel/host_facts.hpp"

namespace ploopu {

// Asks the running kernel. Tests fill in a SurveyedHost by hand.
[[nodiscard]] SurveyedHost this_host();

// Changes nothing on the host and loads no module. Facts that can't be found out are left out.
[[nodiscard]] HostReport survey(const SurveyedHost& host);

}  // namespace ploopu
