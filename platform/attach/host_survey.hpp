// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/attach/host_report.hpp"
#include "platform/kernel/host_facts.hpp"

namespace ploopu {

[[nodiscard]] SurveyedHost this_host();

// Changes nothing on the host, not even by loading a module. What can't be found out is left out.
[[nodiscard]] HostReport survey(const SurveyedHost& host);

}  // namespace ploopu
