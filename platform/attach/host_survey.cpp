// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/attach/host_survey.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <utility>

#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "platform/attach/backends.hpp"
#include "platform/block/device_mapper.hpp"
#include "platform/confine/sandbox.hpp"
#include "platform/nbd/nbd_netlink.hpp"

namespace ploopu {
namespace {

std::string install_command(Family family, const std::string& package) {
  if (package.empty()) return "install ploopu's package, or link /sbin/mount.ploopu to ploopu";
  switch (family) {
    case Family::debian:
    case Family::ubuntu:
      return fmt::format("'apt install {}'", package);
    case Family::redhat:
      return fmt::format("'dnf install {}'", package);
    case Family::other:
      break;
  }
  return "install " + package;
}

// A program that ploopu, or the user of its devices, needs for a purpose.
struct Program {
  const char* name;
  const char* package;  // its name on all distributions of Family; empty for ploopu's own package
  const char* purpose;
};
constexpr std::array<Program, 5> kPrograms = {{
    {"mount.ploopu", "", "mount -t ploopu, lines of fstab"},
    {"fusermount3", "fuse3", "attach --no-loop without root"},
    {"man", "man-db", "ploopu help VERB"},
    {"e2fsck", "e2fsprogs", "checking ext file systems on an overlay"},
    {"xfs_repair", "xfsprogs", "checking xfs on an overlay"},
}};
constexpr std::array<const char*, 6> kProgramDirectories = {
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

// Fills in a report: run() is called once.
class HostSurvey {
 public:
  explicit HostSurvey(const SurveyedHost& host) : host_(host), facts_(host) {}

  HostReport run() {
    report_.system = facts_.system();
    report_.kernel = host_.release;
    report_.container = facts_.container();
    report_.privileged = facts_.is_privileged();
    report_.rights = facts_.rights();
    for (const auto& backend : host_backends()) {
      report_.backends.push_back(backend.survey(facts_, !host_.is_root));
    }
    add_parts();
    add_programs();
    judge();
    return std::move(report_);
  }

 private:
  [[nodiscard]] std::string path(const std::string& rest) const { return host_.root + rest; }

  void add_part(const char* name, bool available, std::string detail) {
    report_.parts.push_back({name, available, std::move(detail)});
  }

  void add_file_system(const char* name, const char* option) {
    if (facts_.kernel().has_file_system(name)) return add_part(name, true, "");
    const auto found = facts_.kernel().find_module(name, option);
    add_part(name, found.state == ModuleState::present || found.state == ModuleState::loadable,
             found.detail);
  }

  [[nodiscard]] bool has_part(const std::string& name) const {
    return std::any_of(report_.parts.begin(), report_.parts.end(),
                       [&](const HostPart& part) { return part.name == name && part.available; });
  }

  void add_parts() {
    add_file_system("ext4", "CONFIG_EXT4_FS");
    add_file_system("xfs", "CONFIG_XFS_FS");
    add_part("seccomp", host_.has_seccomp,
             host_.has_seccomp ? "" : "servers may use all system calls");
    add_part("landlock", host_.landlock > 0,
             host_.landlock > 0 ? fmt::format("version {}", host_.landlock)
                                : "servers are confined by other means only");
    const std::string lockdown = facts_.kernel().lockdown();
    const bool is_locked = !lockdown.empty() && lockdown != "none";
    add_part("unsigned modules", !is_locked,
             is_locked ? fmt::format("lockdown is '{}': modules that the distribution signed load",
                                     lockdown)
                       : "");
  }

  void add_programs() {
    for (const auto& program : kPrograms) {
      std::string found;
      for (const char* directory : kProgramDirectories) {
        // mount(8) looks for its helpers in /sbin only.
        const bool is_helper = std::string_view(program.name).starts_with("mount.");
        if (is_helper && std::string_view(directory) != "/sbin") continue;
        const std::string file = fmt::format("{}/{}", directory, program.name);
        if (found.empty() && ::access(path(file).c_str(), X_OK) == 0) found = file;
      }
      report_.programs.push_back(
          {program.name, found, program.purpose,
           found.empty() ? install_command(facts_.family(), program.package) : ""});
    }
  }

  // A kernel without ext4 counts as unable to mount, since nearly all containers have ext4.
  void judge() {
    if (const std::string why = facts_.why_no_right(); !why.empty()) {
      report_.obstacle = why;
      return;
    }
    if (!host_.has_close_range) {
      report_.obstacle = "ploopu needs Linux 5.9 or later (close_range)";
      return;
    }
    if (std::none_of(report_.backends.begin(), report_.backends.end(),
                     [](const BackendReport& backend) { return backend.usable; })) {
      report_.obstacle = "no back end can be used";
      return;
    }
    report_.can_mount = has_part("ext4");
    if (!report_.can_mount) report_.obstacle = "this kernel has no ext4";
  }

  const SurveyedHost& host_;
  HostFacts facts_;
  HostReport report_;
};

}  // namespace

SurveyedHost this_host() {
  SurveyedHost host;
  struct utsname name = {};
  if (::uname(&name) == 0) host.release = name.release;
  host.is_root = ::geteuid() == 0;
  host.has_close_range = ::syscall(SYS_close_range, UINT_MAX, UINT_MAX, 0) == 0;
  host.has_nbd_family = NbdNetlink::is_available();
  host.has_dm_zero = has_dm_target("zero");
  host.landlock = landlock_version();
  host.has_seccomp = has_seccomp();
  return host;
}

HostReport survey(const SurveyedHost& host) { return HostSurvey(host).run(); }

}  // namespace ploopu
