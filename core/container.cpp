// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/container.hpp"

#include <algorithm>
#include <array>

#include "core/vz_config.hpp"

namespace ploopu {
namespace {

constexpr char kGlobalConfig[] = "/etc/vz/vz.conf";
constexpr std::string_view kLargestCtid = "2147483644";
constexpr std::array<size_t, 4> kUuidHyphens = {8, 13, 18, 23};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_ctid_number(std::string_view text) {
  if (text.empty() || text[0] == '0' || !std::all_of(text.begin(), text.end(), is_digit)) {
    return false;
  }
  return text.size() < kLargestCtid.size() ||
         (text.size() == kLargestCtid.size() && text <= kLargestCtid);
}

std::optional<std::string> parse_uuid(std::string_view text) {
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') {
    text = text.substr(1, 36);
  }
  std::string uuid(text);
  if (uuid.size() == 32) {
    for (size_t position : kUuidHyphens) uuid.insert(position, "-");
  }
  if (uuid.size() != 36) return std::nullopt;
  for (size_t i = 0; i < uuid.size(); ++i) {
    const bool hyphen =
        std::find(kUuidHyphens.begin(), kUuidHyphens.end(), i) != kUuidHyphens.end();
    if (hyphen ? uuid[i] != '-' : !is_hex(uuid[i])) return std::nullopt;
  }
  return uuid;
}

// Reads a configuration file of the tree; nothing when there is none.
Result<std::optional<VzConfig>> read_config(const FileSystem& files, const std::string& root,
                                            const std::string& path) {
  PLOOPU_TRY(auto resolved, files.resolve(root, path));
  if (resolved.type == PathType::missing) return std::nullopt;
  PLOOPU_TRY(auto text, files.read_text(resolved.path, kMaxConfigBytes));
  PLOOPU_TRY(auto config, parse_vz_config(text, resolved.path));
  return std::optional(std::move(config));
}

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

// A private area is an absolute path at least two levels deep without "..": "/" or "/etc" are not.
bool is_plausible_area(std::string_view path) {
  if (!path.starts_with('/') || path.find_first_of("$`") != std::string_view::npos) return false;
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
  std::string origin;              // which file named them; empty for the defaults
  bool has_own_config = false;
};

Result<Candidates> candidate_areas(const FileSystem& files, const std::string& root,
                                   const std::string& ctid) {
  const std::string own_config = "/etc/vz/conf/" + ctid + ".conf";
  PLOOPU_TRY(const auto own, read_config(files, root, own_config));
  PLOOPU_TRY(const auto global, read_config(files, root, kGlobalConfig));
  Candidates candidates;
  candidates.has_own_config = own.has_value();
  for (const auto& [config, origin] : {std::pair(&own, own_config), {&global, kGlobalConfig}}) {
    if (!*config || !(*config)->contains("VE_PRIVATE")) continue;
    const std::string path = substitute_veid((*config)->at("VE_PRIVATE"), ctid);
    if (!is_plausible_area(path)) {
      return fail(ErrorKind::damaged,
                  "{}: VE_PRIVATE is '{}': must be an absolute path of a private area", origin,
                  path);
    }
    candidates.paths = {path};
    candidates.origin = origin;
    return candidates;
  }
  candidates.paths = {"/vz/private/" + ctid, "/var/lib/vz/private/" + ctid};
  return candidates;
}

std::string under(const std::string& root) { return root == "/" ? "" : " under " + root; }

}  // namespace

std::optional<std::string> parse_ctid(std::string_view text) {
  if (is_ctid_number(text)) return std::string(text);
  return parse_uuid(text);
}

Result<PrivateArea> find_private_area(const FileSystem& files, const std::string& root,
                                      const std::string& ctid) {
  PLOOPU_TRY(const auto candidates, candidate_areas(files, root, ctid));
  PrivateArea area;
  for (const auto& path : candidates.paths) {
    PLOOPU_TRY(auto resolved, files.resolve(root, path));
    if (resolved.type != PathType::directory) continue;
    area.path = resolved.path;
    area.inside = path;
    if (!candidates.has_own_config) {
      area.warnings.push_back(
          fmt::format("container {} has no /etc/vz/conf/{}.conf{}", ctid, ctid, under(root)));
    }
    if (candidates.origin.empty()) {
      area.warnings.push_back(
          fmt::format("no configuration names VE_PRIVATE: taking the default area {}", path));
    }
    return area;
  }
  if (candidates.has_own_config || !candidates.origin.empty()) {
    const std::string reason =
        candidates.has_own_config ? "" : " and no /etc/vz/conf/" + ctid + ".conf";
    return fail(ErrorKind::not_found, "container {}: its private area {} does not exist{}{}", ctid,
                candidates.paths.front(), under(root), reason);
  }
  return fail(ErrorKind::not_found, "no container {}{}: no /etc/vz/conf/{}.conf, {} or {}", ctid,
              under(root), ctid, candidates.paths[0], candidates.paths[1]);
}

}  // namespace ploopu
