// SPDX-License-Identifier: GPL-2.0-or-later
// The arguments TARGET and --all of detach and reload. A target is an attachment, named by its
// device, a mount point, its image or its container:
//     add_targets(command, choice);                                  // while declaring the verb
//     PLOOPU_TRY(const auto targets, find_targets(context, choice));  // while running it
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

// An attachment that was found, and its mount point if the user named that.
struct Target {
  Attachment attachment;
  std::optional<std::string> mountpoint;
};

// Adds TARGET... and --all. `choice` must outlive the parsing of the command line.
void add_targets(CLI::App& command, TargetChoice& choice);

// Returns the attachments that the user named. A word may stand for several attachments, and an
// attachment may occur several times. ErrorKind::usage if neither or both of TARGET and --all are
// given; ErrorKind::not_found if nothing is attached by one of the names.
[[nodiscard]] Result<std::vector<Target>> find_targets(const Context& context,
                                                       const TargetChoice& choice);

// Joins the failures into one error; success when there are none.
[[nodiscard]] Result<void> all_of(const std::vector<Error>& failures);

}  // namespace ploopu::cmd
