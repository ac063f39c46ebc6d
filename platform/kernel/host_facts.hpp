// SPDX-License-Identifier: GPL-2.0-or-later
// What a host has and allows, as far as a back end needs to know before it does anything. Nothing
// is changed to find out, and no module is loaded.
//
//   BackendReport report{"dm", true, "", {}};
//   if (host.need_rights(report)) host.need(report, false, "dm_mod", "CONFIG_BLK_DEV_DM");
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/attach/host_report.hpp"
#include "platform/kernel/module_finder.hpp"

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

// Distributions that package kernels and programs alike.
enum class Family { debian, ubuntu, redhat, other };

class HostFacts {
 public:
  explicit HostFacts(SurveyedHost host);

  [[nodiscard]] const SurveyedHost& asked() const { return host_; }
  [[nodiscard]] const KernelParts& kernel() const { return kernel_; }
  [[nodiscard]] Family family() const { return family_; }
  // "Debian GNU/Linux 12 (bookworm)"; may be empty.
  [[nodiscard]] const std::string& system() const { return system_; }
  // "lxc", "docker"...; empty where this is no container.
  [[nodiscard]] const std::string& container() const { return container_; }
  // Whether we are root with CAP_SYS_ADMIN.
  [[nodiscard]] bool is_privileged() const;
  // Our rights, in words.
  [[nodiscard]] std::string rights() const;
  // Why we may not make a device; empty when we may.
  [[nodiscard]] std::string why_no_right() const;
  [[nodiscard]] bool is_older_than(int major, int minor) const;

  // Each of these looks for one thing that a back end needs. True when the thing is there, or will
  // be once attach has loaded a module, which `report.reason` then says. Otherwise the report says
  // why not, and what can be done.
  [[nodiscard]] bool need_rights(BackendReport& report) const;
  [[nodiscard]] bool need_loop(BackendReport& report) const;
  [[nodiscard]] bool need(BackendReport& report, bool is_there, const std::string& module,
                          const std::string& option) const;
  // The node through which a driver that is there is reached.
  [[nodiscard]] bool need_node(BackendReport& report, const std::string& node) const;

 private:
  [[nodiscard]] std::string path(const std::string& rest) const { return host_.root + rest; }
  [[nodiscard]] std::string read(const std::string& file) const;
  [[nodiscard]] std::string find_container() const;
  [[nodiscard]] bool is_first_pid_namespace() const;
  [[nodiscard]] uint64_t read_capabilities() const;
  [[nodiscard]] bool has_capability(unsigned number) const;
  [[nodiscard]] bool is_in_user_namespace() const;
  [[nodiscard]] std::vector<std::string> advice(ModuleState state) const;

  SurveyedHost host_;
  KernelParts kernel_;
  Family family_ = Family::other;
  std::string system_;
  std::string container_;
  uint64_t capabilities_ = 0;
};

}  // namespace ploopu
