// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/steps/dry_run.hpp"

#include <utility>

#include <CLI/CLI.hpp>

#include "cmd/cli/json.hpp"
#include "cmd/steps/attach_options.hpp"
#include "core/base/list.hpp"
#include "core/base/text.hpp"

namespace ploopu::cmd {
namespace {

std::string describe_overlay(const OverlayRequest& request) {
  if (!request.wanted) return "none";
  if (!request.file.empty()) return request.file;
  return "a scratch file in " + request.directory;
}

void add_line(std::string& text, const char* name, const std::string& value) {
  text += escape_bytes(fmt::format("{:<11}{}", name, value)) + "\n";
}

std::string to_text(const OpenedImage& opened, const AttachRequest& request, const AttachPlan& plan,
                    const std::optional<MountPlan>& mount) {
  std::string lines;
  add_line(lines, "Image", opened.image.location.path);
  for (const auto& delta : opened.image.disk.deltas()) add_line(lines, "Delta", delta.name());
  add_line(lines, "Device",
           plan.existing
               ? fmt::format("{}, already attached over {}", plan.existing->device, plan.backend)
           : request.as_file ? "a new file, over " + plan.backend
                             : "a new device, over " + plan.backend);
  add_line(lines, "Overlay", describe_overlay(request.overlay));
  if (mount) {
    const std::string what =
        mount->partition == 0 ? "the whole disk" : fmt::format("partition {}", mount->partition);
    add_line(lines, "Mount", fmt::format("{} ({}) on {}", what, mount->fstype, mount->directory));
    add_line(lines, "Journal", mount->journal);
    add_line(lines, "Options", mount->options);
  }
  return lines + "Nothing was done.\n";
}

Json to_json(const OpenedImage& opened, const AttachRequest& request, const AttachPlan& plan,
             const std::optional<MountPlan>& mount) {
  const Image& image = opened.image;
  Json document = new_document();
  document["dry_run"] = true;
  document["image"] = text(image.location.path);
  if (image.location.ctid) document["ctid"] = *image.location.ctid;
  if (image.snapshot) document["snapshot"] = *image.snapshot;
  document["deltas"] = Json::array();
  for (const auto& delta : image.disk.deltas()) document["deltas"].push_back(text(delta.name()));
  document["device"] = plan.existing ? text(plan.existing->device) : Json();
  document["backend"] = plan.backend;
  document["strict"] = request.is_strict;
  document["overlay"] = request.overlay.wanted;
  if (!request.overlay.file.empty()) document["overlay_file"] = text(request.overlay.file);
  if (mount) {
    document["partition"] = mount->partition;
    document["mountpoint"] = text(mount->directory);
    document["fstype"] = text(mount->fstype);
    document["options"] = text(mount->options);
    document["journal"] = mount->journal;
  }
  auto warnings = opened.warnings();
  append(warnings, plan.notes);
  document["warnings"] = texts(warnings);
  return document;
}

}  // namespace

void add_dry_run_option(CLI::App& command, bool& dry_run) {
  command.add_flag("-n,--dry-run", dry_run, "Print the plan, and change nothing");
}

void print_plan(Context& context, const OpenedImage& opened, const AttachRequest& request,
                const AttachPlan& plan, const std::optional<MountPlan>& mount) {
  context.note(plan.notes);
  if (context.options.json) {
    context.out << to_json(opened, request, plan, mount).dump(2) << '\n';
  } else {
    context.out << to_text(opened, request, plan, mount);
  }
}

}  // namespace ploopu::cmd
