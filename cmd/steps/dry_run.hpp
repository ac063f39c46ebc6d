// SPDX-License-Identifier: GPL-2.0-or-later
// The option --dry-run, and its output for attach and mount. Errors that only the kernel can detect
// are not predicted.
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

// The part of a plan that only mount has.
struct MountPlan {
  uint32_t partition = 0;  // number in the partition table; 0 is the whole disk
  std::string fstype;
  std::string directory;
  std::string options;
  std::string journal;  // JournalPlan::describe() of core/volume/journal_plan.hpp
};

void add_dry_run_option(CLI::App& command, bool& dry_run);

// Prints the plan as text or JSON: the image, its deltas, the device or how it is created, and the
// overlay; for mount also the partition and the mount options.
void print_plan(Context& context, const OpenedImage& opened, const AttachRequest& request,
                const AttachPlan& plan, const std::optional<MountPlan>& mount = std::nullopt);

}  // namespace ploopu::cmd
