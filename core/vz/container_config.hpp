// SPDX-License-Identifier: GPL-2.0-or-later
// What /etc/vz says about one container: its own file and the global one. Source:
// docs/FORMAT.md#configuration and docs/FORMAT.md#variables.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/files/host_tree.hpp"
#include "core/vz/vz_config.hpp"

namespace ploopu {

struct ContainerConfig {
  std::string ctid;
  std::string own_file;  // /etc/vz/conf/CTID.conf, a path inside the tree
  std::optional<VzConfig> own;
  std::optional<VzConfig> global;  // of /etc/vz/vz.conf
  // Virtuozzo 7 keeps ve.conf in the private area, and own_file is a link to it: its directory
  // inside the tree.
  std::optional<std::string> own_directory;
  // Where own_file points, when that doesn't exist: the container is on other storage.
  std::optional<std::string> dangling_target;
};

// `ctid` comes from parse_ctid. Missing files are no error.
[[nodiscard]] Result<ContainerConfig> read_container_config(const HostTree& tree,
                                                            const std::string& ctid);

// A file at a resolved path of this host that must be called like a configuration: what else a
// link leads to (/etc/shadow) is refused unread.
[[nodiscard]] Result<VzConfig> read_config_file(const HostTree& tree, const std::string& path);

struct ConfigPath {
  std::string path;
  std::string origin;  // the file that says so
};

// The path that `key` names, $VEID put in, by the container's own file or else the global one.
// Nothing when neither has the key. A value with any other variable, a command or a control
// character is ErrorKind::damaged: it is not a shell's to run. Warns of a key that is repeated.
[[nodiscard]] Result<std::optional<ConfigPath>> config_path(const ContainerConfig& config,
                                                            std::string_view key,
                                                            std::vector<std::string>& warnings);

// A value of the container's own file only; null when it has none.
[[nodiscard]] const std::string* own_value(const ContainerConfig& config, std::string_view key,
                                           std::vector<std::string>& warnings);

}  // namespace ploopu
