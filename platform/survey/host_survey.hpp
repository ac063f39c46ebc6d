// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "core/attach/host_report.hpp"

namespace ploopu {

// What is asked of the kernel rather than read from files.
struct SurveyedHost {
  std::string root;     // before each path: "" for the host itself; another tree in tests
  std::string release;  // of the running kernel
  bool is_root = false;
  bool has_close_range = true;  // without it no server and no parser starts
  bool has_nbd_family = false;  // nbd answers on netlink
  bool has_dm_zero = false;     // device-mapper has its target "zero"
  int landlock = 0;             // version of its interface; 0 where there is none
  bool has_seccomp = false;
};

[[nodiscard]] SurveyedHost this_host();

// Changes nothing on the host, not even by loading a module. What can't be found out is left out.
[[nodiscard]] HostReport survey(const SurveyedHost& host);

}  // namespace ploopu
