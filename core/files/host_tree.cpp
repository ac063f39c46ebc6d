// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/files/host_tree.hpp"

#include <algorithm>
#include <utility>

namespace ploopu {

Result<ResolvedPath> HostTree::resolve_on_host(const std::string& path) const {
  const auto own = is_this_host() ? std::nullopt : inside(path);
  return own ? resolve(*own) : files_.resolve("/", path);
}

Result<std::string> HostTree::read_once(const std::string& path, size_t max_bytes) const {
  // Room for the configurations of a container and of its host.
  constexpr size_t kMostRemembered = 4;
  const auto known = std::find_if(remembered_.begin(), remembered_.end(),
                                  [&](const Remembered& text) { return text.path == path; });
  if (known != remembered_.end()) {
    std::rotate(known, known + 1, remembered_.end());
  } else {
    if (remembered_.size() == kMostRemembered) remembered_.erase(remembered_.begin());
    auto read = files_.read_text(path, max_bytes);
    remembered_.push_back({path, read ? Result<std::string>(std::move(read->text))
                                      : Result<std::string>(tl::unexpected<Error>(read.error()))});
  }
  return remembered_.back().text;
}

std::optional<std::string> HostTree::inside(const std::string& path) const {
  if (is_this_host()) return path;
  if (!path.starts_with(root_ + "/")) return std::nullopt;
  return path.substr(root_.size());
}

}  // namespace ploopu
