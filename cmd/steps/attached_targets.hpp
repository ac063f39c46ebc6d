// SPDX-License-Identifier: GPL-2.0-or-later
// TARGET of detach and reload: what is attached, by any of its names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/cli/context.hpp"
#include "core/base/result.hpp"

namespace CLI {
class App;
}

namespace ploopu::cmd {

struct TargetChoice {
  std::vector<std::string> words;
  bool all = false;
};

// The meaning of a target: an attachment, and one of its mount points if the target named that.
struct Target {
  Attachment attachment;
  std::optional<std::string> mountpoint;
};

// TARGET... and --all.
void add_targets(CLI::App& command, TargetChoice& choice);

// A word may mean several attachments, and several words the same attachment. ErrorKind::usage when
// neither words nor --all are given, or both.
[[nodiscard]] Result<std::vector<Target>> find_targets(const Context& context,
                                                       const TargetChoice& choice);

// Joins the failures into one error; success when there are none.
[[nodiscard]] Result<void> all_of(const std::vector<Error>& failures);

}  // namespace ploopu::cmd
