// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/find/image_use.hpp"

#include <utility>

#include <fmt/format.h>

#include "core/base/list.hpp"
#include "core/base/path.hpp"
#include "core/format/disk_descriptor.hpp"
#include "core/vz/container_config.hpp"
#include "core/vz/private_area.hpp"

namespace ploopu {
namespace {

// The CTID of a container of this host whose private area holds `descriptor`, as
// AREA/root.hdd/DiskDescriptor.xml; then `area` is AREA.
std::optional<std::string> container_at(const HostTree& tree, const std::string& descriptor,
                                        std::string& area) {
  area = directory_of(directory_of(descriptor));
  const auto ctid = parse_ctid(base_name(area));
  if (!ctid) return std::nullopt;
  const auto known = find_private_area(tree, *ctid);
  return known && known->path == area ? ctid : std::nullopt;
}

std::string configured(const ContainerConfig& config, const char* key,
                       const std::string& fallback) {
  std::vector<std::string> ignored;
  const auto value = config_path(config, key, ignored);
  return value && *value ? (*value)->path : fallback;
}

class Collector {
 public:
  explicit Collector(const HostTree& tree) : tree_(tree) {}

  // `path` is a path of this host.
  [[nodiscard]] bool exists(const std::string& path) const {
    const auto resolved = tree_.files().resolve("/", path);
    return resolved && resolved->type != PathType::missing;
  }

  // Follows links: /vz and /var/lock often are links.
  [[nodiscard]] std::string real_path(const std::string& path) const {
    const auto resolved = tree_.files().resolve("/", path);
    return resolved ? resolved->path : path;
  }

  void add_flock(const std::string& path) {
    const auto resolved = tree_.files().resolve("/", path);
    // A link may lead to any file of the host, so it is left out.
    if (resolved && resolved->type == PathType::regular && resolved->path == path) {
      found.places.flocks.push_back(resolved->path);
    }
  }

  void add_area(const std::string& area) {
    add_flock(area + "/.lck");
    if (exists(area + "/.running")) {
      found.traces.push_back(
          {UseKind::trace, area + "/.running exists: the container runs, or crashed"});
    }
    if (exists(area + "/dump/Dump")) add_suspended(area + "/dump/Dump");
    if (exists(area + "/.owner")) {
      found.traces.push_back(
          {UseKind::trace, area + "/.owner exists: on shared storage another host may run it"});
    }
  }

  // Adds the places that the variables of vzctl name, in the tree to which the container belongs.
  void add_configured(const std::string& ctid) {
    const auto config = read_container_config(tree_, ctid);
    if (!config) return;
    const std::string dump = configured(*config, "DUMPDIR", "/vz/dump") + "/Dump." + ctid;
    const auto found_dump = tree_.resolve(dump);
    if (found_dump && found_dump->type != PathType::missing) add_suspended(dump);
    if (!tree_.is_this_host()) return;
    found.places.ctid = ctid;
    add_flock(real_path("/var/vz/" + ctid + ".conf.lck"));
    found.places.mount_root = real_path(configured(*config, "VE_ROOT", "/vz/root/" + ctid));
    found.places.pid_files = {
        real_path(configured(*config, "LOCKDIR", "/vz/lock") + "/" + ctid + ".lck")};
  }

  FoundPlaces found;

 private:
  void add_suspended(const std::string& dump) {
    found.traces.push_back({UseKind::trace, dump + " exists: the container is suspended, and data "
                                                   "in its memory is not on its disk"});
  }

  const HostTree& tree_;
};

}  // namespace

FoundPlaces find_use_places(const HostTree& tree, const ImageLocation& location) {
  std::string area = location.private_area;
  std::optional<std::string> ctid = location.ctid;
  if (!ctid && location.is_descriptor && tree.is_this_host()) {
    ctid = container_at(tree, location.path, area);
  }
  Collector collector(tree);
  collector.found.places.path = location.path;
  if (location.is_descriptor) {
    collector.add_flock(directory_of(location.path) + "/" + kDescriptorName + ".lck");
  }
  if (ctid) {
    collector.add_area(area);
    collector.add_configured(*ctid);
  }
  return std::move(collector.found);
}

UseVerdict judge_uses(const std::vector<Use>& uses, bool is_live_state) {
  UseVerdict verdict;
  for (const auto& use : uses) {
    const bool hinders =
        use.kind == UseKind::writing || (use.kind == UseKind::running && is_live_state);
    (hinders ? verdict.hindrances : verdict.warnings).push_back(use.text);
  }
  return verdict;
}

std::vector<Use> find_uses(const HostTree& tree, const ImageUses& host,
                           const ImageLocation& location) {
  auto found = find_use_places(tree, location);
  append(found.traces, host.of_places(found.places));
  return std::move(found.traces);
}

Result<void> check_not_in_use(const std::string& path, const UseVerdict& verdict) {
  if (verdict.hindrances.empty()) return {};
  return fail(ErrorKind::busy,
              "{}: is in use: {}; stop that, or use --live to read data that may change meanwhile",
              path, fmt::join(verdict.hindrances, "; "));
}

std::vector<std::string> warnings_of(const std::string& path, const UseVerdict& verdict) {
  auto warnings = verdict.warnings;
  if (!verdict.hindrances.empty()) {
    warnings.insert(warnings.begin(),
                    fmt::format("{}: is in use: {}; data may change while it is read", path,
                                fmt::join(verdict.hindrances, "; ")));
  }
  return warnings;
}

}  // namespace ploopu
