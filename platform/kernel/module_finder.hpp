// SPDX-License-Identifier: GPL-2.0-or-later
// Whether the running kernel has a module, or why it hasn't, as far as files tell. Nothing is
// loaded.
#pragma once

#include <string>
#include <vector>

namespace ploopu {

enum class ModuleState {
  present,        // loaded, or built in
  loadable,       // its file is there
  forbidden,      // by a "blacklist" or "install" line of modprobe.d, or by modules_disabled
  not_installed,  // this kernel was built with it, but its file isn't there
  not_built,      // this kernel was built without it
  other_kernel,   // there are modules, but of other kernels only
  unknown,        // no file of it, and nothing says how this kernel was built
};

struct ModuleFinding {
  ModuleState state = ModuleState::unknown;
  std::string detail;  // one clause for people
};

// The tree of files that is looked into: that of the host, but in tests.
class KernelParts {
 public:
  // `root` is put before each path: "" for the host itself. `release` is that of the running
  // kernel.
  KernelParts(std::string root, std::string release)
      : root_(std::move(root)), release_(std::move(release)) {}

  [[nodiscard]] const std::string& release() const { return release_; }

  // `option` is its name in the kernel's configuration, as "CONFIG_BLK_DEV_NBD".
  [[nodiscard]] ModuleFinding find_module(const std::string& name, const std::string& option) const;

  // Of /proc/misc: "fuse", "loop-control", "device-mapper".
  [[nodiscard]] bool has_misc_device(const std::string& name) const;

  // Of /proc/filesystems.
  [[nodiscard]] bool has_file_system(const std::string& name) const;

  // "none", "integrity", "confidentiality"; empty where the kernel doesn't say.
  [[nodiscard]] std::string lockdown() const;

 private:
  [[nodiscard]] std::string path(const std::string& rest) const { return root_ + rest; }
  [[nodiscard]] std::string modules_file(const std::string& name) const;
  [[nodiscard]] bool is_forbidden(const std::string& name) const;
  // "y", "m", "n"; empty when that isn't known.
  [[nodiscard]] std::string configured(const std::string& option) const;

  std::string root_;
  std::string release_;
};

}  // namespace ploopu
