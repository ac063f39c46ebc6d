// SPDX-License-Identifier: GPL-2.0-or-later
// --dry-run of attach and mount: what would be done, as far as that is known without doing it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/cli/context.hpp"
#include "cmd/steps/open_image.hpp"
#include "core/attach/attachments.hpp"

namespace CLI {
class App;
}

namespace ploopu::cmd {

// What mount adds to a plan.
struct MountPlan {
  uint32_t partition = 0;  // its number; 0 for the whole disk
  std::string fstype;
  std::string directory;
  std::string options;
  std::string journal;  // "clean", "replayed", "skipped"; of xfs nobody but the kernel knows
};

void add_dry_run_option(CLI::App& command, bool& dry_run);

// Prints which files would be read, which device would be made by which back end, or is there
// already, and what `request` says of an overlay.
void print_plan(Context& context, const OpenedImage& opened, const AttachRequest& request,
                const AttachPlan& plan, const std::optional<MountPlan>& mount = std::nullopt);

}  // namespace ploopu::cmd
