// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/kernel/host_facts.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "platform/os/sysfs.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

// Numbers of capabilities, from linux/capability.h.
constexpr unsigned kCapSysModule = 16;
constexpr unsigned kCapSysAdmin = 21;

// The value of KEY=VALUE, without its quotes.
std::string value_of(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key + "=")) continue;
    std::string value = line.substr(key.size() + 1);
    std::erase(value, '"');
    return value;
  }
  return "";
}

Family family_of(const std::string& os_release) {
  const std::string ids =
      " " + value_of(os_release, "ID") + " " + value_of(os_release, "ID_LIKE") + " ";
  const auto is = [&](const char* id) {
    return ids.find(fmt::format(" {} ", id)) != std::string::npos;
  };
  if (is("ubuntu")) return Family::ubuntu;
  if (is("debian")) return Family::debian;
  return is("rhel") || is("fedora") || is("centos") ? Family::redhat : Family::other;
}

}  // namespace

HostFacts::HostFacts(SurveyedHost host)
    : host_(std::move(host)), kernel_(host_.root, host_.release) {
  const std::string os_release = read("/etc/os-release");
  family_ = family_of(os_release);
  system_ = value_of(os_release, "PRETTY_NAME");
  container_ = find_container();
  capabilities_ = read_capabilities();
}

bool HostFacts::is_privileged() const { return host_.is_root && has_capability(kCapSysAdmin); }

std::string HostFacts::read(const std::string& file) const {
  return read_attribute(path(file)).value_or("");
}

// systemd and container engines leave files that name the kind of container. OpenVZ has /proc/vz on
// the host and in containers, but /proc/bc on the host only.
std::string HostFacts::find_container() const {
  std::string name = read("/run/systemd/container");
  if (!name.empty()) return name;
  std::error_code error;
  const auto exists = [&](const char* file) { return std::filesystem::exists(path(file), error); };
  if (exists("/proc/vz") && !exists("/proc/bc")) return "openvz";
  if (exists("/.dockerenv") && !is_first_pid_namespace()) return "docker";
  if (exists("/run/.containerenv")) return "podman";
  return "";
}

// A virtual machine can run the file system of a container, /.dockerenv included, so docker is
// recognised by its PID namespace as well. The number is the kernel's PROC_PID_INIT_INO
// (linux/proc_ns.h).
bool HostFacts::is_first_pid_namespace() const {
  std::error_code error;
  return std::filesystem::read_symlink(path("/proc/self/ns/pid"), error) == "pid:[4026531836]";
}

uint64_t HostFacts::read_capabilities() const {
  constexpr std::string_view kField = "CapEff:\t";
  const std::string status = read("/proc/self/status");
  const size_t found = status.find(kField);
  if (found == std::string::npos) return 0;
  uint64_t bits = 0;
  const char* begin = status.data() + found + kField.size();
  std::from_chars(begin, status.data() + status.size(), bits, 16);
  return bits;
}

bool HostFacts::has_capability(unsigned number) const { return (capabilities_ >> number & 1) != 0; }

bool HostFacts::is_in_user_namespace() const {
  const std::string map = read("/proc/self/uid_map");
  return !map.empty() && map.find("4294967295") == std::string::npos;
}

std::string HostFacts::rights() const {
  if (!host_.is_root) return "not root: images can be read, and attached as files by fuse";
  if (!has_capability(kCapSysAdmin)) return "root without CAP_SYS_ADMIN: no device, no mount";
  if (is_in_user_namespace()) return "root of a user namespace: no device, no mount";
  return "root";
}

std::string HostFacts::why_no_right() const {
  if (!host_.is_root) return "only root can create a block device";
  const std::string where = container_.empty() ? "here" : "in this container (" + container_ + ")";
  if (!is_privileged()) return "the right to create devices (CAP_SYS_ADMIN) is missing " + where;
  return is_in_user_namespace() ? "root of a user namespace may not create devices" : "";
}

std::vector<std::string> HostFacts::advice(ModuleState state) const {
  if (!container_.empty()) {
    return {"a container uses the kernel and the modules of its host: run ploopu there"};
  }
  switch (state) {
    case ModuleState::other_kernel:
      return {"reboot into the kernel that is installed"};
    case ModuleState::forbidden:
      return {"see kernel.modules_disabled and the lines in /etc/modprobe.d"};
    case ModuleState::not_installed:
    case ModuleState::unknown:
      break;
    case ModuleState::not_built:
      if (family_ == Family::debian) {
        return {"'apt install linux-image-amd64' (not the cloud kernel), and boot it"};
      }
      if (family_ == Family::ubuntu) {
        return {"'apt install linux-generic' (not linux-kvm), and boot it"};
      }
      return {"another kernel has it: the distribution's default one, or kernel-ml of ELRepo"};
    case ModuleState::present:
    case ModuleState::loadable:
      return {};
  }
  switch (family_) {
    case Family::debian:
      return {"'apt install linux-image-amd64' (not the cloud kernel), and boot it"};
    case Family::ubuntu:
      return {fmt::format("'apt install linux-modules-extra-{}'", host_.release)};
    case Family::redhat:
      return {
          fmt::format("'dnf install kernel-modules-{0} kernel-modules-extra-{0}'", host_.release)};
    case Family::other:
      break;
  }
  return {"install the modules of this kernel"};
}

bool HostFacts::need(BackendReport& report, bool is_there, const std::string& module,
                     const std::string& option) const {
  if (is_there) return true;
  const auto found = kernel_.find_module(module, option);
  if (found.state == ModuleState::present) return true;
  const bool may_load = has_capability(kCapSysModule);
  std::string detail = found.detail;
  if (found.state == ModuleState::loadable && !may_load) {
    detail = fmt::format("module '{}' is not loaded, and can't be loaded from here", module);
  }
  if (found.state == ModuleState::loadable && may_load) {
    report.reason += (report.reason.empty() ? "" : "; ") + detail;
    return true;
  }
  report.usable = false;
  report.reason = detail;
  report.advice = found.state == ModuleState::loadable
                      ? std::vector{fmt::format("'modprobe {}' on the host", module)}
                      : advice(found.state);
  return false;
}

bool HostFacts::need_node(BackendReport& report, const std::string& node) const {
  const UniqueFd fd(::open(path(node).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (fd.valid()) return true;
  const int error = errno;
  if (error == ENODEV || error == ENXIO) return true;  // prepare() loads the module
  report.usable = false;
  report.reason = fmt::format("{}: {}", node, std::strerror(error));
  if (error == ENOENT) {
    report.advice = {container_.empty() ? "there is no such node: is /dev a devtmpfs?"
                                        : "pass the node into the container"};
  } else {
    report.advice = {"the container, a device cgroup or the node's mode forbids it"};
  }
  return false;
}

bool HostFacts::need_rights(BackendReport& report) const {
  const std::string why = why_no_right();
  if (why.empty()) return true;
  report.usable = false;
  report.reason = why;
  report.advice = {host_.is_root ? "run it on the host" : "run it as root"};
  return false;
}

bool HostFacts::need_loop(BackendReport& report) const {
  const bool is_there = kernel_.has_misc_device("loop-control");
  return need(report, is_there, "loop", "CONFIG_BLK_DEV_LOOP") &&
         (!is_there || need_node(report, "/dev/loop-control"));
}

bool HostFacts::is_older_than(int major, int minor) const {
  std::istringstream release(host_.release);
  int of_host = 0, minor_of_host = 0;
  char dot = 0;
  if (!(release >> of_host >> dot >> minor_of_host)) return false;
  return of_host < major || (of_host == major && minor_of_host < minor);
}

}  // namespace ploopu
