// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/find/inventory.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/path.hpp"
#include "core/find/locate.hpp"
#include "core/vz/container_name.hpp"
#include "core/vz/private_area.hpp"

namespace ploopu {
namespace {

constexpr char kConfigDirectory[] = "/etc/vz/conf";
constexpr char kNamesDirectory[] = "/etc/vz/names";
constexpr std::string_view kConfigSuffix = ".conf";
constexpr char kGlobalConfig[] = "/etc/vz/vz.conf";

// CTIDs that were found by names of files. A container without configuration was found by its
// private area, which is the value.
using Listed = std::map<std::string, std::optional<PrivateArea>>;

// Whether `name` is a CTID as file names have it: without braces, with all hyphens.
bool is_ctid(const std::string& name) { return parse_ctid(name) == name; }

// The names in a directory of the tree: none, with a warning, if it can't be read, and none without
// a warning if it doesn't exist.
struct Listing {
  std::string path;  // a path of this host with links resolved
  std::vector<std::string> names;
};
Listing list(const HostTree& tree, const std::string& directory,
             std::vector<std::string>& warnings) {
  const auto found = tree.resolve(directory);
  if (!found) warnings.push_back(found.error().message);
  if (!found || found->type != PathType::directory) return {};
  auto names = tree.files().list_directory(found->path);
  if (names) return {found->path, *std::move(names)};
  warnings.push_back(names.error().message);
  return {};
}

// Reads a value of a configuration file of the tree. Empty if the key or the file doesn't exist.
Result<std::string> config_value(const HostTree& tree, const std::string& path,
                                 const std::string& key) {
  PLOOPU_TRY(const auto found, tree.resolve(path));
  if (found.type == PathType::missing) return std::string();
  PLOOPU_TRY(const auto config, read_config_file(tree, found.path));
  const std::string* value = config.find(key);
  return value == nullptr ? std::string() : *value;
}

// Files such as *.conf.destroyed, *.conf-sample and *.mount are not containers, and 0 is the host.
void list_configurations(const HostTree& tree, Listed& listed, std::vector<std::string>& warnings) {
  for (auto& name : list(tree, kConfigDirectory, warnings).names) {
    if (!name.ends_with(kConfigSuffix)) continue;
    name.resize(name.size() - kConfigSuffix.size());
    if (is_ctid(name)) listed.emplace(name, std::nullopt);
  }
}

// A VE_PRIVATE in which the variable for the CTID is a whole name of the path.
struct AreaPattern {
  std::string directory;  // the path before the variable, without the slash
  std::string rest;       // the path after the variable: empty, or a slash and more
};

std::optional<AreaPattern> area_pattern(const std::string& ve_private) {
  for (const std::string_view variable : {"/$VEID", "/${VEID}"}) {
    const size_t at = ve_private.find(variable);
    if (at == std::string::npos || at == 0 || !ve_private.starts_with('/')) continue;
    AreaPattern pattern{ve_private.substr(0, at), ve_private.substr(at + variable.size())};
    while (pattern.rest.ends_with('/')) pattern.rest.pop_back();
    if (pattern.rest.empty() || pattern.rest.starts_with('/')) return pattern;
  }
  return std::nullopt;
}

void list_areas(const HostTree& tree, Listed& listed, std::vector<std::string>& warnings) {
  std::vector<AreaPattern> patterns;
  const auto ve_private = config_value(tree, kGlobalConfig, "VE_PRIVATE");
  if (!ve_private) warnings.push_back(ve_private.error().message);
  if (auto global = area_pattern(ve_private.value_or(""))) patterns.push_back(*std::move(global));
  patterns.push_back({"/vz/private", ""});
  patterns.push_back({"/var/lib/vz/private", ""});
  std::set<std::string> seen;  // /var/lib/vz may be a link to /vz
  for (const auto& [directory, rest] : patterns) {
    const auto listing = list(tree, directory, warnings);
    if (!seen.insert(listing.path + rest).second) continue;
    for (const auto& name : listing.names) {
      if (!is_ctid(name) || listed.contains(name)) continue;
      const std::string inside = fmt::format("{}/{}{}", directory, name, rest);
      const auto area = tree.resolve(inside);
      if (area && area->type != PathType::directory) continue;
      listed[name] = PrivateArea{area ? area->path : inside, inside, {}, {}};
    }
  }
}

// Fills in as much as can be read of a ploop image.
void describe_ploop(const HostTree& tree, const ImageLocation& location, FigureReader& reader,
                    Container& container) {
  container.layout = Layout::ploop;
  container.path = location.path;
  auto figures = reader.read(tree, location);
  container.disk = figures.disk;
  container.snapshots = figures.snapshots;
  container.error = std::move(figures.error);
}

// Fills in the layout of a private area without a ploop disk. container.error has a message about
// the missing disk already.
void describe_others(const HostTree& tree, const PrivateArea& area, Container& container) {
  container.path = area.path;
  if (const auto simfs = find_simfs(tree, area); simfs && *simfs) {
    container.layout = Layout::simfs;
    container.path = **simfs;
    container.error.clear();
  } else if (const auto qcow2 = find_qcow2(tree, area.inside); qcow2 && *qcow2) {
    container.layout = Layout::qcow2;
    container.path = **qcow2;
  }
}

void describe_configured(const HostTree& tree, FigureReader& reader, Container& container) {
  const std::string config = fmt::format("{}/{}.conf", kConfigDirectory, container.ctid);
  container.name = config_value(tree, config, "NAME").value_or("");
  auto location = locate_image(tree, container.ctid);
  if (location) {
    describe_ploop(tree, *location, reader, container);
    return;
  }
  container.error = location.error().message;
  if (const auto area = find_private_area(tree, container.ctid)) {
    describe_others(tree, *area, container);
    return;
  }
  // The directory has the name of the configuration, so a missing file means a dangling link.
  const auto found = tree.resolve(config);
  if (found && found->type == PathType::missing) {
    container.error =
        fmt::format("{}{}: is a link to a missing target: its container is on other storage",
                    tree.is_this_host() ? "" : tree.root(), config);
  }
}

void describe_area(const HostTree& tree, const PrivateArea& area, FigureReader& reader,
                   Container& container) {
  auto descriptor = find_descriptor(tree, area.inside);
  if (descriptor) {
    ImageLocation location;
    location.path = *std::move(descriptor);
    location.ctid = container.ctid;
    location.is_descriptor = true;
    describe_ploop(tree, location, reader, container);
    return;
  }
  container.error = descriptor.error().message;
  describe_others(tree, area, container);
}

void report_shared_names(std::vector<Container>& containers) {
  std::map<std::string, std::vector<Container*>> by_name;
  for (auto& container : containers) {
    if (!container.name.empty()) by_name[container.name].push_back(&container);
  }
  for (const auto& [name, owners] : by_name) {
    for (size_t i = 0; owners.size() > 1 && i < owners.size(); ++i) {
      if (!owners[i]->error.empty()) continue;
      owners[i]->error = fmt::format("NAME is '{}', as is that of container {}", name,
                                     owners[i == 0 ? 1 : 0]->ctid);
    }
  }
}

// The CTID that the link of a container's name shows: it leads to CTID.conf, or to the ve.conf in a
// private area with the name CTID. Empty for any other link.
std::string ctid_in_link(std::string_view target) {
  if (target.ends_with("/ve.conf")) return parse_ctid(base_name(directory_of(target))).value_or("");
  if (target.ends_with(kConfigSuffix)) target.remove_suffix(kConfigSuffix.size());
  return parse_ctid(base_name(target)).value_or("");
}

}  // namespace

KnownContainers list_known_containers(const HostTree& tree) {
  KnownContainers known;
  Listed listed;
  std::vector<std::string> unread;
  list_configurations(tree, listed, unread);
  list_areas(tree, listed, unread);
  for (const auto& [ctid, area] : listed) known.ctids.insert(ctid);
  for (const auto& name : list(tree, kNamesDirectory, unread).names) {
    if (!is_container_name(name)) continue;
    const auto target = tree.read_link(fmt::format("{}/{}", kNamesDirectory, name));
    if (target && *target) known.names.emplace(name, ctid_in_link(**target));
  }
  return known;
}

Inventory take_inventory(const HostTree& tree) {
  Inventory inventory;
  Listed listed;
  list_configurations(tree, listed, inventory.warnings);
  list_areas(tree, listed, inventory.warnings);
  FigureReader reader;
  for (const auto& [ctid, area] : listed) {
    Container container;
    container.ctid = ctid;
    try {
      if (area) {
        describe_area(tree, *area, reader, container);
      } else {
        describe_configured(tree, reader, container);
      }
    } catch (const std::exception& error) {  // memory ran out, or a library has a bug
      container.error = error.what();
    }
    inventory.containers.push_back(std::move(container));
  }
  report_shared_names(inventory.containers);
  return inventory;
}

}  // namespace ploopu
