// SPDX-License-Identifier: GPL-2.0-or-later
// What attach and mount have in common.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cmd/cli/json.hpp"
#include "cmd/steps/open_image.hpp"
#include "core/attach/attachments.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ploopu::cmd {

void add_backend_option(CLI::App& command, AttachRequest& request);

void add_strict_option(CLI::App& command, AttachRequest& request);

// --overlay-dir, which it returns, --overlay-file and --overlay-size.
CLI::Option* add_overlay_options(CLI::App& command, AttachRequest& request);

// Where the request names a file with an overlay that was kept: makes its path absolute, and if it
// is there, puts what is found with it into `opened.layout`. Otherwise nullptr.
[[nodiscard]] Result<std::unique_ptr<OverlayView>> look_through_overlay(const Context& context,
                                                                        OpenedImage& opened,
                                                                        OverlayRequest& request);

// For root, whose devices and mounts others come to trust: refuses an image that everybody may
// replace. Who isn't root harms nobody else.
[[nodiscard]] Result<void> refuse_exposed(const Context& context, const Image& image);

// Points to doctor where a part of the kernel is missing.
[[nodiscard]] Result<AttachOutcome> attach(Context& context, const OpenedImage& opened,
                                           const AttachRequest& request);

// What attach() would do; fails where that would.
[[nodiscard]] Result<AttachPlan> plan_attach(Context& context, const OpenedImage& opened,
                                             const AttachRequest& request);

// What is worth saying about how it was attached: which back end, and whether it was before.
[[nodiscard]] std::vector<std::string> notes_of(const AttachOutcome& outcome);

// After the answer was printed: what nobody could be told of is detached again.
[[nodiscard]] Result<void> keep_if_told(const Context& context, const AttachOutcome& outcome);

// The fields that both print.
[[nodiscard]] Json attachment_json(const OpenedImage& opened, const AttachOutcome& outcome,
                                   const std::vector<std::string>& more_warnings);

}  // namespace ploopu::cmd
