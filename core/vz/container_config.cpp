// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/vz/container_config.hpp"

#include <algorithm>
#include <utility>

#include "core/base/path.hpp"

namespace ploopu {
namespace {

constexpr char kGlobalConfig[] = "/etc/vz/vz.conf";

// Both vzctls replace one $VEID, else one ${VEID}, and no other variable.
std::string substitute_veid(std::string value, const std::string& ctid) {
  for (const std::string_view variable : {"$VEID", "${VEID}"}) {
    if (const size_t at = value.find(variable); at != std::string::npos) {
      value.replace(at, variable.size(), ctid);
      break;
    }
  }
  while (value.size() > 1 && value.ends_with('/')) value.pop_back();
  return value;
}

// False for a value that only a shell could turn into a path, or that has control characters.
bool is_plain(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    return c == '$' || c == '`' || c == ';' || (c >= 0 && c < ' ') || c == '\x7f';
  });
}

const std::string* value_of(const VzConfig& config, std::string_view key, const std::string& file,
                            std::vector<std::string>& warnings) {
  if (config.repeated.contains(key)) {
    warnings.push_back(
        fmt::format("{}: {} is set more than once: using the last value", file, key));
  }
  return config.find(key);
}

Result<void> read_own(const HostTree& tree, ContainerConfig& config) {
  PLOOPU_TRY(const auto found, tree.resolve(config.own_file));
  if (found.type == PathType::missing) {
    PLOOPU_TRY(config.dangling_target, tree.read_link(config.own_file));
    return {};
  }
  PLOOPU_TRY(config.own, read_config_file(tree, found.path));
  if (base_name(found.path) == kAreaConfig) {
    config.own_directory = tree.inside(directory_of(found.path));
  }
  return {};
}

}  // namespace

Result<VzConfig> read_config_file(const HostTree& tree, const std::string& path) {
  if (!path.ends_with(".conf") && !path.ends_with("/vz")) {  // some have /etc/sysconfig/vz
    return fail(ErrorKind::damaged,
                "{}: does not have the name of a configuration (*.conf): refused", path);
  }
  PLOOPU_TRY(const auto text, tree.read_once(path, kMaxConfigBytes));
  return parse_vz_config(text, path);
}

Result<ContainerConfig> read_container_config(const HostTree& tree, const std::string& ctid) {
  ContainerConfig config;
  config.ctid = ctid;
  config.own_file = "/etc/vz/conf/" + ctid + ".conf";
  PLOOPU_CHECK(read_own(tree, config));
  PLOOPU_TRY(const auto global, tree.resolve(kGlobalConfig));
  if (global.type != PathType::missing) {
    PLOOPU_TRY(config.global, read_config_file(tree, global.path));
  }
  return config;
}

Result<std::optional<ConfigPath>> config_path(const ContainerConfig& config, std::string_view key,
                                              std::vector<std::string>& warnings) {
  ConfigPath result{"", config.own_file};
  const std::string* value = own_value(config, key, warnings);
  if (value == nullptr && config.global) {
    result.origin = kGlobalConfig;
    value = value_of(*config.global, key, kGlobalConfig, warnings);
  }
  if (value == nullptr) return std::nullopt;
  result.path = substitute_veid(*value, config.ctid);
  if (!is_plain(result.path)) {
    return fail(ErrorKind::damaged,
                "{}: {} is '{}': it may contain one $VEID, but nothing else that a shell expands",
                result.origin, key, result.path);
  }
  return result;
}

const std::string* own_value(const ContainerConfig& config, std::string_view key,
                             std::vector<std::string>& warnings) {
  return config.own ? value_of(*config.own, key, config.own_file, warnings) : nullptr;
}

}  // namespace ploopu
