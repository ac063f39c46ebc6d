// SPDX-License-Identifier: GPL-2.0-or-later
// The options and steps that attach and mount share. A verb declares the options, opens the image,
// and then:
//     PLOOPU_TRY(const auto view, look_through_overlay(context, opened, request.overlay));
//     PLOOPU_CHECK(refuse_exposed(context, opened.image));
//     PLOOPU_TRY(const auto outcome, attach(context, opened, request));
//     (print the device)
//     return keep_if_told(context, outcome);
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

// The add_...() functions add options to `command`, which write to `request` when the command line
// is parsed: `request` must outlive that.

void add_backend_option(CLI::App& command, AttachRequest& request);

void add_strict_option(CLI::App& command, AttachRequest& request);

// Adds --overlay-dir, --overlay-file and --overlay-size, and returns the first.
CLI::Option* add_overlay_options(CLI::App& command, AttachRequest& request);

// Handles --overlay-file; returns nullptr without it. Makes the path of the overlay file absolute.
// If the file exists, returns the disk as seen through it, and replaces `opened.layout` by the
// partitions of that view. `opened` must outlive the view.
[[nodiscard]] Result<std::unique_ptr<OverlayView>> look_through_overlay(const Context& context,
                                                                        OpenedImage& opened,
                                                                        OverlayRequest& request);

// Refuses, for root, an image that every user may replace, because all users trust devices and
// mounts of root. Succeeds for other users, who endanger only themselves. ErrorKind::damaged.
[[nodiscard]] Result<void> refuse_exposed(const Context& context, const Image& image);

// Attaches the image. An error of ErrorKind::missing_kernel_part also points to `ploopu doctor`.
[[nodiscard]] Result<AttachOutcome> attach(Context& context, const OpenedImage& opened,
                                           const AttachRequest& request);

// The plan of attach(), without doing anything. Fails as attach() does.
[[nodiscard]] Result<AttachPlan> plan_attach(Context& context, const OpenedImage& opened,
                                             const AttachRequest& request);

// Notes for the user: why another back end was used, and whether the image was attached before.
[[nodiscard]] std::vector<std::string> notes_of(const AttachOutcome& outcome);

// Call after the device was printed. If writing to standard output failed, detaches the device
// again and fails, since nobody knows of the device. A device that was attached before stays.
[[nodiscard]] Result<void> keep_if_told(const Context& context, const AttachOutcome& outcome);

// The JSON fields that attach and mount share.
[[nodiscard]] Json attachment_json(const OpenedImage& opened, const AttachOutcome& outcome,
                                   const std::vector<std::string>& more_warnings);

}  // namespace ploopu::cmd
