// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/vz/private_area.hpp"

#include <algorithm>
#include <utility>

#include "core/base/guid.hpp"
#include "core/base/list.hpp"

namespace ploopu {
namespace {

constexpr std::string_view kLargestCtid = "2147483644";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_ctid_number(std::string_view text) {
  if (text.empty() || text[0] == '0' || !std::all_of(text.begin(), text.end(), is_digit)) {
    return false;
  }
  return text.size() < kLargestCtid.size() ||
         (text.size() == kLargestCtid.size() && text <= kLargestCtid);
}

// A private area is an absolute path at least two levels deep without "..": "/" or "/etc" are not.
bool is_plausible_area(std::string_view path) {
  if (!path.starts_with('/')) return false;
  size_t levels = 0;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (part == "..") return false;
    if (!part.empty() && part != ".") ++levels;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return levels >= 2;
}

struct Candidates {
  std::vector<std::string> paths;  // inside the tree, most specific first
  bool are_defaults = false;       // no file named them
};

Result<Candidates> candidate_areas(const ContainerConfig& config,
                                   std::vector<std::string>& warnings) {
  PLOOPU_TRY(auto named, config_path(config, "VE_PRIVATE", warnings));
  const bool is_own = named && named->origin == config.own_file;
  if (!is_own && config.own_directory) named = ConfigPath{*config.own_directory, config.own_file};
  if (!named) {
    const std::string& ctid = config.ctid;
    return Candidates{{"/vz/private/" + ctid, "/var/lib/vz/private/" + ctid}, true};
  }
  if (!is_plausible_area(named->path)) {
    return fail(ErrorKind::damaged,
                "{}: VE_PRIVATE is '{}': must be an absolute path of a private area", named->origin,
                named->path);
  }
  return Candidates{{named->path}, false};
}

// Reads DISK= of Virtuozzo 7. Without the host's /etc, the ve.conf in the private area has it.
Result<void> read_disks(const HostTree& tree, const ContainerConfig& config, PrivateArea& area) {
  VzConfig of_area;
  const std::string* value = own_value(config, "DISK", area.warnings);
  if (!config.own) {
    PLOOPU_TRY(const auto found, tree.resolve(area.inside + "/ve.conf"));
    if (found.type != PathType::regular) return {};
    PLOOPU_TRY(of_area, read_config_file(tree, found.path));
    value = of_area.find("DISK");
  }
  if (value == nullptr) return {};
  auto list = parse_disks(*value, config.own ? config.own_file : area.inside + "/ve.conf");
  area.disks = std::move(list.disks);
  append(area.warnings, std::move(list.warnings));
  return {};
}

tl::unexpected<Error> no_area(const HostTree& tree, const ContainerConfig& config,
                              const Candidates& candidates) {
  const std::string& ctid = config.ctid;
  if (config.dangling_target) {
    return fail(ErrorKind::not_found,
                "container {}: {}{} is a link to {}, which does not exist: is its storage mounted?",
                ctid, config.own_file, tree.under(), *config.dangling_target);
  }
  if (config.own || !candidates.are_defaults) {
    return fail(ErrorKind::not_found, "container {}: its private area {} does not exist{}{}", ctid,
                candidates.paths.front(), tree.under(),
                config.own ? "" : " and no " + config.own_file);
  }
  return fail(ErrorKind::not_found, "no container {}{}: no {}, {} or {}", ctid, tree.under(),
              config.own_file, candidates.paths[0], candidates.paths[1]);
}

}  // namespace

std::optional<std::string> parse_ctid(std::string_view text) {
  if (is_ctid_number(text)) return std::string(text);
  return parse_uuid(text);
}

Result<PrivateArea> find_private_area(const HostTree& tree, const std::string& ctid) {
  PLOOPU_TRY(const auto config, read_container_config(tree, ctid));
  return find_private_area(tree, config);
}

Result<PrivateArea> find_private_area(const HostTree& tree, const ContainerConfig& config) {
  PrivateArea area;
  PLOOPU_TRY(const auto candidates, candidate_areas(config, area.warnings));
  for (const auto& path : candidates.paths) {
    PLOOPU_TRY(auto resolved, tree.resolve(path));
    if (resolved.type != PathType::directory) continue;
    area.path = resolved.path;
    area.inside = path;
    if (!config.own) {
      area.warnings.push_back(
          fmt::format("container {} has no {}{}", config.ctid, config.own_file, tree.under()));
    }
    if (candidates.are_defaults) {
      area.warnings.push_back(
          fmt::format("no configuration sets VE_PRIVATE: using the default area {}", path));
    }
    const std::string* veid = own_value(config, "VEID", area.warnings);
    if (veid != nullptr && parse_ctid(*veid) != config.ctid) {
      area.warnings.push_back(fmt::format(
          "{}: VEID is '{}': the file may belong to another container", config.own_file, *veid));
    }
    PLOOPU_CHECK(read_disks(tree, config, area));
    return area;
  }
  return no_area(tree, config, candidates);
}

}  // namespace ploopu
