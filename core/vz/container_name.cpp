// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/vz/container_name.hpp"

#include <algorithm>
#include <utility>

#include "core/base/path.hpp"
#include "core/vz/container_config.hpp"
#include "core/vz/private_area.hpp"

namespace ploopu {
namespace {

constexpr size_t kMaxNameLength = 255;
constexpr std::string_view kConfigSuffix = ".conf";

// vzctl 4 links to CTID.conf, libvzctl 7 to the ve.conf of a private area.
std::optional<std::string> ctid_of_config(const std::string& target, const VzConfig& config) {
  const std::string file = base_name(target);
  if (file == kAreaConfig) {
    const std::string* veid = config.find("VEID");
    return veid == nullptr ? std::nullopt : parse_ctid(*veid);
  }
  if (!file.ends_with(kConfigSuffix)) return std::nullopt;
  return parse_ctid(std::string_view(file).substr(0, file.size() - kConfigSuffix.size()));
}

// A link is believed when what it leads to is where that container is configured.
Result<bool> is_config_of(const HostTree& tree, const std::string& path, const std::string& ctid) {
  PLOOPU_TRY(const auto own, tree.resolve("/etc/vz/conf/" + ctid + ".conf"));
  if (own.type != PathType::missing && own.path == path) return true;
  if (base_name(path) != kAreaConfig) return false;
  const auto area = find_private_area(tree, ctid);
  return area && area->path == directory_of(path);
}

Result<std::optional<std::string>> ctid_of_name(const HostTree& tree, const std::string& name) {
  if (!is_container_name(name)) return std::nullopt;
  const std::string link = "/etc/vz/names/" + name;
  PLOOPU_TRY(const auto target, tree.read_link(link));
  PLOOPU_TRY(const auto found, tree.resolve(link));
  if (!target && found.type == PathType::missing) return std::nullopt;
  if (!target) return fail(ErrorKind::damaged, "{}: is not a symbolic link: refused", link);
  if (found.type == PathType::missing) {
    return fail(ErrorKind::not_found, "{}: points to {}, which does not exist", link, *target);
  }
  PLOOPU_TRY(const auto config, read_config_file(tree, found.path));
  const auto ctid = ctid_of_config(*target, config);
  if (!ctid) {
    return fail(ErrorKind::damaged,
                "{}: points to {}, which is neither a CTID.conf nor a ve.conf with a VEID: refused",
                link, *target);
  }
  PLOOPU_TRY(const bool is_its_config, is_config_of(tree, found.path, *ctid));
  if (!is_its_config) {
    return fail(ErrorKind::damaged,
                "{}: points to {}, which is not the configuration of container {}: refused", link,
                *target, *ctid);
  }
  const std::string* own_name = config.find("NAME");
  if (own_name == nullptr || *own_name != name) {
    return fail(ErrorKind::damaged,
                "{}: container {} does not have the NAME '{}' in its configuration: refused; use "
                "its ID",
                link, *ctid, name);
  }
  return ctid;
}

}  // namespace

bool is_container_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameLength || text == "." || text == "..") return false;
  constexpr std::string_view kOthers = " -+_.{}";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           static_cast<unsigned char>(c) >= 0x80 || kOthers.find(c) != std::string_view::npos;
  });
}

Result<std::optional<NamedContainer>> find_container(const HostTree& tree,
                                                     const std::string& word) {
  auto named = ctid_of_name(tree, word);
  const auto ctid = parse_ctid(word);
  if (!ctid) {
    if (!named) return tl::unexpected<Error>(std::move(named).error());
    if (!*named) return std::nullopt;
    return NamedContainer{**named, {}};
  }
  if (!named) {
    return NamedContainer{*ctid, {"used as an ID and not as a name: " + named.error().message}};
  }
  if (*named && **named != *ctid) {
    return fail(ErrorKind::usage,
                "'{}' is the ID of a container, and the name of container {}: give the path of the "
                "private area or the image",
                word, **named);
  }
  return NamedContainer{*ctid, {}};
}

}  // namespace ploopu
