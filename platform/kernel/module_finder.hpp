// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out from files whether the running kernel has a module, or why it doesn't. Loads nothing.
//
//   const KernelParts kernel("", release);
//   const auto found = kernel.find_module("nbd", "CONFIG_BLK_DEV_NBD");
#pragma once

#include <string>
#include <vector>

namespace ploopu {

enum class ModuleState {
  present,        // loaded, or built in
  loadable,       // the file of the module is there
  forbidden,      // a line of modprobe.d ("blacklist", "install") or modules_disabled forbids it
  not_installed,  // this kernel was built with the module, but the file is missing
  not_built,      // this kernel was built without the module
  other_kernel,   // all modules in /lib/modules belong to other kernels
  unknown,        // the file is missing, and no file says how this kernel was built
};

struct ModuleFinding {
  ModuleState state = ModuleState::unknown;
  std::string detail;  // a clause for people; empty for ModuleState::present
};

// The modules and drivers of a kernel, as the files of a tree show them: the host's or a test's.
class KernelParts {
 public:
  // `root` is the prefix of each path: "" for the host itself. `release` is the version of the
  // running kernel, as uname -r prints it.
  KernelParts(std::string root, std::string release)
      : root_(std::move(root)), release_(std::move(release)) {}

  [[nodiscard]] const std::string& release() const { return release_; }

  // `option` is the option of the module in the kernel's configuration: "CONFIG_BLK_DEV_NBD".
  [[nodiscard]] ModuleFinding find_module(const std::string& name, const std::string& option) const;

  // True if /proc/misc lists the device: "fuse", "loop-control", "device-mapper".
  [[nodiscard]] bool has_misc_device(const std::string& name) const;

  // True if /proc/filesystems lists the file system: "ext4".
  [[nodiscard]] bool has_file_system(const std::string& name) const;

  // The lockdown mode: "none", "integrity", "confidentiality"; empty if the kernel doesn't say.
  [[nodiscard]] std::string lockdown() const;

 private:
  [[nodiscard]] std::string path(const std::string& rest) const { return root_ + rest; }
  [[nodiscard]] std::string modules_file(const std::string& name) const;
  [[nodiscard]] bool is_forbidden(const std::string& name) const;
  // The value of an option in the kernel's configuration: "y", "m", "n"; empty if the configuration
  // can't be read.
  [[nodiscard]] std::string configured(const std::string& option) const;

  std::string root_;
  std::string release_;
};

}  // namespace ploopu
