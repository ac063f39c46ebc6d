// SPDX-License-Identifier: GPL-2.0-or-later
// The words by which users call a container: its ID, or a name in /etc/vz/names
// (docs/FORMAT.md#container-names).
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

// True for at most 255 bytes of letters, digits, blanks, "-+_.{}" and non-ASCII bytes. Other text
// never becomes part of a path.
[[nodiscard]] bool is_container_name(std::string_view text);

// The container that `word` means; nothing when `word` is neither an ID nor an existing name. A
// name counts only if its link leads to the configuration of a container with that NAME; otherwise
// ErrorKind::damaged.
// ErrorKind::usage for a word that is the ID of one container and the name of another.
[[nodiscard]] Result<std::optional<NamedContainer>> find_container(const HostTree& tree,
                                                                   const std::string& word);

}  // namespace ploopu
