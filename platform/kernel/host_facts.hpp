// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out whether a host has and allows what a back end needs, before the back end changes
// anything. Looking changes nothing on the host and loads no module.
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

// Facts that system calls give, as opposed to files; tests fill it in by hand.
struct SurveyedHost {
  std::string root;     // prefix of each path: "" for the host itself, another tree in tests
  std::string release;  // version of the running kernel, as uname -r prints it
  bool is_root = false;
  bool has_close_range = true;  // servers and parsers need this system call
  bool has_nbd_family = false;  // the nbd driver answers on netlink
  bool has_dm_zero = false;     // device-mapper has the target "zero"
  int landlock = 0;             // version of the Landlock interface; 0 without Landlock
  bool has_seccomp = false;
};

// Groups of distributions whose packages have common names.
enum class Family { debian, ubuntu, redhat, other };

class HostFacts {
 public:
  // Reads the files that say which system this is; missing files leave the facts empty.
  explicit HostFacts(SurveyedHost host);

  [[nodiscard]] const SurveyedHost& asked() const { return host_; }
  [[nodiscard]] const KernelParts& kernel() const { return kernel_; }
  [[nodiscard]] Family family() const { return family_; }
  // "Debian GNU/Linux 12 (bookworm)"; may be empty.
  [[nodiscard]] const std::string& system() const { return system_; }
  // The kind of container that this process runs in: "lxc", "docker"...; empty outside of one.
  [[nodiscard]] const std::string& container() const { return container_; }
  // True for root with CAP_SYS_ADMIN.
  [[nodiscard]] bool is_privileged() const;
  // Says for people what this process may do: "root", "not root: ...".
  [[nodiscard]] std::string rights() const;
  // The reason why this process may not create devices; empty if it may.
  [[nodiscard]] std::string why_no_right() const;
  // Compares the version of the kernel; false if the version can't be parsed.
  [[nodiscard]] bool is_older_than(int major, int minor) const;

  // The need functions each look for one thing that a back end needs. They return true if the thing
  // is there, or if attach can load the module that provides it; report.reason then names the
  // module. Otherwise report.usable becomes false, and report.reason and report.advice say why and
  // what to do.
  [[nodiscard]] bool need_rights(BackendReport& report) const;
  [[nodiscard]] bool need_loop(BackendReport& report) const;
  // `is_there` is true if the driver is known to be there; `option` is the name of its option in
  // the kernel's configuration, such as "CONFIG_BLK_DEV_NBD".
  [[nodiscard]] bool need(BackendReport& report, bool is_there, const std::string& module,
                          const std::string& option) const;
  // Needs the device node of a driver, such as "/dev/fuse", to be there and to be permitted.
  [[nodiscard]] bool need_node(BackendReport& report, const std::string& node) const;

 private:
  [[nodiscard]] std::string path(const std::string& rest) const { return host_.root + rest; }
  [[nodiscard]] std::string read(const std::string& file) const;
  [[nodiscard]] std::string find_container() const;
  [[nodiscard]] bool is_first_pid_namespace() const;
  [[nodiscard]] uint64_t read_capabilities() const;
  [[nodiscard]] bool has_capability(unsigned number) const;
  [[nodiscard]] bool is_in_user_namespace() const;
  // Says what to do if the kernel lacks a module.
  [[nodiscard]] std::vector<std::string> advice(ModuleState state) const;

  SurveyedHost host_;
  KernelParts kernel_;
  Family family_ = Family::other;
  std::string system_;
  std::string container_;
  uint64_t capabilities_ = 0;
};

}  // namespace ploopu
