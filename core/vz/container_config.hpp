// SPDX-License-Identifier: GPL-2.0-or-later
// The configuration of a container in /etc/vz: its own file and the global file
// (docs/FORMAT.md#configuration, docs/FORMAT.md#variables).
//
//     PLOOPU_TRY(const auto config, read_container_config(tree, "101"));
//     PLOOPU_TRY(const auto area, config_path(config, "VE_PRIVATE", warnings));
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/files/host_tree.hpp"
#include "core/vz/vz_config.hpp"

namespace ploopu {

// Name of the configuration that Virtuozzo 7 keeps in a private area.
inline constexpr std::string_view kAreaConfig = "ve.conf";

struct ContainerConfig {
  std::string ctid;
  std::string own_file;            // /etc/vz/conf/CTID.conf, a path inside the tree
  std::optional<VzConfig> own;     // nothing if own_file doesn't exist
  std::optional<VzConfig> global;  // settings of /etc/vz/vz.conf; nothing if it doesn't exist
  // The directory of ve.conf, as a path inside the tree, if own_file is a link to it. Virtuozzo 7
  // keeps ve.conf in the private area.
  std::optional<std::string> own_directory;
  // The target of own_file, if it doesn't exist: then the container is on other storage.
  std::optional<std::string> dangling_target;
};

// `ctid` comes from parse_ctid. Missing files are no error.
[[nodiscard]] Result<ContainerConfig> read_container_config(const HostTree& tree,
                                                            const std::string& ctid);

// Reads a file at a resolved path of this host. Refuses, unread, a file whose name isn't that of a
// configuration, such as /etc/shadow: a link of a stranger may lead to it.
[[nodiscard]] Result<VzConfig> read_config_file(const HostTree& tree, const std::string& path);

struct ConfigPath {
  std::string path;
  std::string origin;  // the file that says so
};

// The path that `key` has in the container's own file or else in the global file, with $VEID
// replaced. Nothing when neither file has the key. ErrorKind::damaged for a value with another
// variable, a command or a control character, since no shell runs it. Warns of a repeated key.
[[nodiscard]] Result<std::optional<ConfigPath>> config_path(const ContainerConfig& config,
                                                            std::string_view key,
                                                            std::vector<std::string>& warnings);

// The value of `key` in the container's own file, which `config` owns; nullptr without one. Warns
// of a repeated key.
[[nodiscard]] const std::string* own_value(const ContainerConfig& config, std::string_view key,
                                           std::vector<std::string>& warnings);

}  // namespace ploopu
