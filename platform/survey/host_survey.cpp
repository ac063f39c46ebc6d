// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/survey/host_survey.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "platform/block/device_mapper.hpp"
#include "platform/confine/sandbox.hpp"
#include "platform/kernel/module_finder.hpp"
#include "platform/nbd/nbd_netlink.hpp"
#include "platform/os/sysfs.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

// linux/capability.h
constexpr unsigned kCapSysModule = 16;
constexpr unsigned kCapSysAdmin = 21;

enum class Family { debian, ubuntu, redhat, other };

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

// Programs of which ploopu, or who uses its devices, has something.
struct Program {
  const char* name;
  const char* package;  // the same on all that are known here; our own is empty
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

// One look at a host.
class Look {
 public:
  explicit Look(const SurveyedHost& host) : host_(host), kernel_(host.root, host.release) {}

  HostReport take() {
    const std::string os_release = read("/etc/os-release");
    family_ = family_of(os_release);
    report_.system = value_of(os_release, "PRETTY_NAME");
    report_.kernel = host_.release;
    report_.container = container();
    capabilities_ = capabilities();
    report_.privileged = host_.is_root && has_capability(kCapSysAdmin);
    report_.rights = rights();
    report_.backends = {nbd(), device_mapper(), fuse()};
    add_parts();
    add_programs();
    judge();
    return std::move(report_);
  }

 private:
  [[nodiscard]] std::string path(const std::string& rest) const { return host_.root + rest; }
  [[nodiscard]] std::string read(const std::string& file) const {
    return read_attribute(path(file)).value_or("");
  }

  // As systemd and the engines leave it for who asks; OpenVZ has /proc/vz in both, /proc/bc on the
  // host only.
  [[nodiscard]] std::string container() const {
    std::string name = read("/run/systemd/container");
    if (!name.empty()) return name;
    std::error_code error;
    const auto exists = [&](const char* file) {
      return std::filesystem::exists(path(file), error);
    };
    if (exists("/proc/vz") && !exists("/proc/bc")) return "openvz";
    if (exists("/.dockerenv") && !is_first_pid_namespace()) return "docker";
    if (exists("/run/.containerenv")) return "podman";
    return "";
  }

  // A virtual machine may have the file system of a container. PROC_PID_INIT_INO is a constant of
  // the kernel's (linux/proc_ns.h).
  [[nodiscard]] bool is_first_pid_namespace() const {
    std::error_code error;
    return std::filesystem::read_symlink(path("/proc/self/ns/pid"), error) == "pid:[4026531836]";
  }

  [[nodiscard]] uint64_t capabilities() const {
    constexpr std::string_view kField = "CapEff:\t";
    const std::string status = read("/proc/self/status");
    const size_t found = status.find(kField);
    if (found == std::string::npos) return 0;
    uint64_t bits = 0;
    const char* begin = status.data() + found + kField.size();
    std::from_chars(begin, status.data() + status.size(), bits, 16);
    return bits;
  }

  [[nodiscard]] bool has_capability(unsigned number) const {
    return (capabilities_ >> number & 1) != 0;
  }

  [[nodiscard]] bool is_in_user_namespace() const {
    const std::string map = read("/proc/self/uid_map");
    return !map.empty() && map.find("4294967295") == std::string::npos;
  }

  [[nodiscard]] std::string rights() const {
    if (!host_.is_root) return "not root: images can be read, and attached as files by fuse";
    if (!has_capability(kCapSysAdmin)) return "root without CAP_SYS_ADMIN: no device, no mount";
    if (is_in_user_namespace()) return "root of a user namespace: no device, no mount";
    return "root";
  }

  [[nodiscard]] std::string why_no_right() const {
    if (!host_.is_root) return "only root can make a block device";
    const std::string where =
        report_.container.empty() ? "here" : "in this container (" + report_.container + ")";
    if (!report_.privileged) return "the right to make devices (CAP_SYS_ADMIN) is missing " + where;
    return is_in_user_namespace() ? "root of a user namespace may not make devices" : "";
  }

  // What may be done when the kernel lacks a module.
  [[nodiscard]] std::vector<std::string> advice(ModuleState state) const {
    if (!report_.container.empty()) {
      return {"a container has the kernel and the modules of its host: work there"};
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
        return {fmt::format("'dnf install kernel-modules-{0} kernel-modules-extra-{0}'",
                            host_.release)};
      case Family::other:
        break;
    }
    return {"install the modules of this kernel"};
  }

  // One thing that a back end needs. True when it is there, or will be.
  bool need(BackendReport& backend, bool is_there, const std::string& module,
            const std::string& option) const {
    if (is_there) return true;
    const auto found = kernel_.find_module(module, option);
    if (found.state == ModuleState::present) return true;
    const bool may_load = has_capability(kCapSysModule);
    std::string detail = found.detail;
    if (found.state == ModuleState::loadable && !may_load) {
      detail = fmt::format("module '{}' isn't loaded, and may not be from here", module);
    }
    if (found.state == ModuleState::loadable && may_load) {
      backend.reason += (backend.reason.empty() ? "" : "; ") + detail;
      return true;
    }
    backend.usable = false;
    backend.reason = detail;
    backend.advice = found.state == ModuleState::loadable
                         ? std::vector{fmt::format("'modprobe {}' on the host", module)}
                         : advice(found.state);
    return false;
  }

  // A node through which a driver that is there is reached.
  bool need_node(BackendReport& backend, const std::string& node) const {
    const UniqueFd fd(::open(path(node).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (fd.valid()) return true;
    const int error = errno;
    if (error == ENODEV || error == ENXIO) return true;  // until the module is loaded
    backend.usable = false;
    backend.reason = fmt::format("{}: {}", node, std::strerror(error));
    if (error == ENOENT) {
      backend.advice = {report_.container.empty() ? "there is no such node: is /dev a devtmpfs?"
                                                  : "pass the node into the container"};
    } else {
      backend.advice = {"the container, a device cgroup or the node's mode forbids it"};
    }
    return false;
  }

  bool need_rights(BackendReport& backend) const {
    const std::string why = why_no_right();
    if (why.empty()) return true;
    backend.usable = false;
    backend.reason = why;
    backend.advice = {host_.is_root ? "run it on the host" : "run it as root"};
    return false;
  }

  bool need_loop(BackendReport& backend) const {
    const bool is_there = kernel_.has_misc_device("loop-control");
    return need(backend, is_there, "loop", "CONFIG_BLK_DEV_LOOP") &&
           (!is_there || need_node(backend, "/dev/loop-control"));
  }

  [[nodiscard]] bool is_older_than(int major, int minor) const {
    std::istringstream release(host_.release);
    int of_host = 0, minor_of_host = 0;
    char dot = 0;
    if (!(release >> of_host >> dot >> minor_of_host)) return false;
    return of_host < major || (of_host == major && minor_of_host < minor);
  }

  [[nodiscard]] BackendReport nbd() const {
    BackendReport backend{"nbd", true, "", {}};
    if (!need_rights(backend)) return backend;
    const bool answers = host_.has_nbd_family;
    if (!need(backend, answers, "nbd", "CONFIG_BLK_DEV_NBD")) return backend;
    // The attribute "backend" in sysfs, by which a device is known to be ours.
    if (is_older_than(5, 14)) {
      backend.usable = false;
      backend.reason = "the driver of this kernel keeps no identifier: Linux 5.14 or later does";
      backend.advice = {"boot a newer kernel, or use dm"};
      return backend;
    }
    if (answers) return backend;
    // Generic netlink shows the family in the first network namespace only.
    if (backend.reason.empty()) {
      backend.usable = false;
      backend.reason =
          "the nbd driver doesn't answer: it does in the host's network namespace only";
      backend.advice = {"run it outside of containers and network namespaces"};
    }
    return backend;
  }

  [[nodiscard]] BackendReport device_mapper() const {
    BackendReport backend{"dm", true, "", {}};
    if (!need_rights(backend)) return backend;
    const bool is_there = kernel_.has_misc_device("device-mapper");
    static_cast<void>(need(backend, is_there, "dm_mod", "CONFIG_BLK_DEV_DM") &&
                      (!is_there || need_node(backend, "/dev/mapper/control")) &&
                      need(backend, host_.has_dm_zero, "dm_zero", "CONFIG_DM_ZERO") &&
                      need_loop(backend));
    return backend;
  }

  [[nodiscard]] BackendReport fuse() const {
    BackendReport backend{"fuse", true, "", {}};
    const bool is_there = kernel_.has_misc_device("fuse");
    if (!need(backend, is_there, "fuse", "CONFIG_FUSE_FS") ||
        (is_there && !need_node(backend, "/dev/fuse"))) {
      return backend;
    }
    if (!host_.is_root) {
      backend.reason = "without root as a file only: attach --backend fuse --no-loop";
      return backend;
    }
    if (need_rights(backend)) static_cast<void>(need_loop(backend));
    return backend;
  }

  void add_part(const char* name, bool available, std::string detail) {
    report_.parts.push_back({name, available, std::move(detail)});
  }

  void add_file_system(const char* name, const char* option) {
    if (kernel_.has_file_system(name)) return add_part(name, true, "");
    const auto found = kernel_.find_module(name, option);
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
             host_.has_seccomp ? "" : "servers aren't held to a few system calls");
    add_part("landlock", host_.landlock > 0,
             host_.landlock > 0 ? fmt::format("version {}", host_.landlock)
                                : "servers are kept from files by other means only");
    const std::string lockdown = kernel_.lockdown();
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
        // mount(8) looks for its helpers there only.
        const bool is_helper = std::string_view(program.name).starts_with("mount.");
        if (is_helper && std::string_view(directory) != "/sbin") continue;
        const std::string file = fmt::format("{}/{}", directory, program.name);
        if (found.empty() && ::access(path(file).c_str(), X_OK) == 0) found = file;
      }
      report_.programs.push_back({program.name, found, program.purpose,
                                  found.empty() ? install_command(family_, program.package) : ""});
    }
  }

  // Containers have ext4, but for a few.
  void judge() {
    if (const std::string why = why_no_right(); !why.empty()) {
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
  KernelParts kernel_;
  Family family_ = Family::other;
  uint64_t capabilities_ = 0;
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

HostReport survey(const SurveyedHost& host) { return Look(host).take(); }

}  // namespace ploopu
