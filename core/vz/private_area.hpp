// SPDX-License-Identifier: GPL-2.0-or-later
// From a container ID to its private area. Source: docs/FORMAT.md#private-areas and
// docs/FORMAT.md#container-ids.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/files/host_tree.hpp"
#include "core/vz/container_config.hpp"
#include "core/vz/vz_disks.hpp"

namespace ploopu {

// A container ID in its normal form: a number without leading zeros (1..2147483644), or a UUID of
// 36 characters (braces dropped, hyphens added, case kept). Nothing when `text` is neither; such
// text must never become part of a path.
[[nodiscard]] std::optional<std::string> parse_ctid(std::string_view text);

struct PrivateArea {
  std::string path;           // directory as a path of this host, links resolved
  std::string inside;         // directory as a path inside the tree
  std::vector<VzDisk> disks;  // disks that DISK= lists
  std::vector<std::string> warnings;
};

// Where the container's files are, by `root`/etc/vz/conf/CTID.conf, the place of the ve.conf that
// it is a link to, `root`/etc/vz/vz.conf, or the two default areas. `ctid` comes from parse_ctid.
// The area exists and is a directory.
[[nodiscard]] Result<PrivateArea> find_private_area(const HostTree& tree, const std::string& ctid);
[[nodiscard]] Result<PrivateArea> find_private_area(const HostTree& tree,
                                                    const ContainerConfig& config);

}  // namespace ploopu
