// SPDX-License-Identifier: GPL-2.0-or-later
// What a user calls a container: its ID, or a name in /etc/vz/names. Source:
// docs/FORMAT.md#container-names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/files/host_tree.hpp"

namespace ploopu {

struct NamedContainer {
  std::string ctid;
  std::vector<std::string> warnings;
};

// Letters, digits, blanks, "-+_.{}" and everything beyond ASCII, at most 255 bytes. Other text
// never becomes part of a path.
[[nodiscard]] bool is_container_name(std::string_view text);

// Nothing when `word` is neither an ID nor a name that exists. A name is believed only when its
// link leads to the configuration of the container that it gives, and that has it as NAME. A word
// that is the ID of one container and the name of another is ErrorKind::usage.
[[nodiscard]] Result<std::optional<NamedContainer>> find_container(const HostTree& tree,
                                                                   const std::string& word);

}  // namespace ploopu
