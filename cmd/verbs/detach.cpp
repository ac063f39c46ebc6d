// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu detach, with the alias umount: unmounts the disk, frees the device and ends its server.
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/steps/attached_targets.hpp"
#include "cmd/steps/dry_run.hpp"
#include "core/base/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kDetachFooter[] =
    "\nUnmounts what ploopu mounted, and frees the device. If another program uses the device,\n"
    "ploopu reports its users and leaves the device alone. A device stays if ploopu mounted it on\n"
    "another directory, too. If one target is unknown, nothing is done.\n"
    "\nExamples:\n"
    "  ploopu umount /mnt\n"
    "  ploopu detach /dev/nbd0 101\n"
    "  ploopu detach --all\n"
    "  ploopu detach --force /dev/nbd0   for a device whose server hangs or has died\n";

struct DetachOptions {
  TargetChoice targets;
  bool force = false;
  bool from_tab = false;
  bool dry_run = false;
};

// Finds attachments by their names in ploopu.tab. A name without an attachment is no error:
// stopping a service must succeed even if the user has detached its device.
Result<std::vector<Target>> find_named(const Context& context,
                                       const std::vector<std::string>& names) {
  PLOOPU_TRY(const auto attachments, context.attachments.list());
  std::vector<Target> targets;
  for (const auto& name : names) {
    const size_t before = targets.size();
    for (const auto& attachment : attachments) {
      if (attachment.name == name) targets.push_back({attachment, std::nullopt});
    }
    if (targets.size() == before) context.note({name + ": nothing is attached with this name"});
  }
  return targets;
}

// Detaches the target, prints notes and warnings, and returns the JSON entry about it.
Result<Json> take_down(Context& context, const Target& target, bool force) {
  const Attachment& attachment = target.attachment;
  PLOOPU_TRY(const auto outcome,
             context.attachments.detach(attachment, {target.mountpoint, force}));
  auto warnings = outcome.warnings;
  context.warn(warnings);
  if (outcome.discarded > 0) {
    warnings.push_back(fmt::format("{}: discarded {} of overlay data", attachment.device,
                                   human_size(outcome.discarded)));
    context.note({warnings.back()});
  }
  if (outcome.detached && !attachment.overlay_file.empty()) {
    context.note({fmt::format("{}: written data is kept in {}", attachment.device,
                              attachment.overlay_file)});
  }
  if (outcome.detached) {
    context.tell(fmt::format("{}: detached from {}", attachment.image, attachment.device));
  } else {
    context.note({fmt::format("{}: unmounted; {} stays attached, since it has another mount",
                              *target.mountpoint, attachment.device)});
  }
  return Json{{"image", text(attachment.image)},
              {"device", text(attachment.device)},
              {"unmounted", texts(outcome.unmounted)},
              {"detached", outcome.detached},
              {"warnings", texts(warnings)}};
}

// Prints what take_down() is going to do, and returns the JSON entry about it. Does not find out
// whether the device is in use.
Json plan(const Context& context, const Target& target) {
  const Attachment& attachment = target.attachment;
  const auto& all = attachment.ploopu_mountpoints;
  const bool stays = target.mountpoint && all.size() > 1;
  const auto going = stays ? std::vector{*target.mountpoint} : all;
  if (!context.options.json) {
    const std::string what =
        going.empty() ? "" : fmt::format("unmount {}; ", fmt::join(going, ", "));
    const std::string overlay = stays || !attachment.has_overlay ? ""
                                : attachment.overlay_file.empty()
                                    ? "; discard the data in its overlay"
                                    : "; keep written data in " + attachment.overlay_file;
    context.out << escape_bytes(fmt::format("{}: {}{}{}", attachment.device, what,
                                            stays ? "keep the device" : "free the device", overlay))
                << '\n';
  }
  return Json{{"image", text(attachment.image)},
              {"device", text(attachment.device)},
              {"unmounted", texts(going)},
              {"detached", !stays},
              {"warnings", Json::array()}};
}

Result<void> print_plan(Context& context, const std::vector<Target>& targets) {
  Json document = new_document();
  document["dry_run"] = true;
  document["targets"] = Json::array();
  for (const auto& target : targets) document["targets"].push_back(plan(context, target));
  if (context.options.json) {
    context.out << document.dump(2) << '\n';
  } else {
    context.out << "Nothing was done.\n";
  }
  return {};
}

// Continues after a failure, so that as much as possible is detached. An image may be inside the
// mount of another one, so targets that failed are tried again as long as others succeed.
Json take_down_all(Context& context, std::vector<Target> targets, bool force,
                   std::vector<Error>& failures) {
  Json done = Json::array();
  std::set<std::string> gone;
  for (bool progress = true; progress && !targets.empty();) {
    progress = false;
    failures.clear();
    std::vector<Target> again;
    for (const auto& target : targets) {
      if (gone.contains(target.attachment.id)) continue;  // named twice
      auto result = take_down(context, target, force);
      if (!result) {
        failures.push_back(std::move(result).error());
        again.push_back(target);
        continue;
      }
      progress = true;
      if ((*result)["detached"] == true) gone.insert(target.attachment.id);
      done.push_back(*std::move(result));
    }
    targets = std::move(again);
  }
  return done;
}

Result<void> run_detach(Context& context, const DetachOptions& options) {
  PLOOPU_TRY(const auto lock, context.attachments.lock());
  PLOOPU_TRY(auto targets, options.from_tab ? find_named(context, options.targets.words)
                                            : find_targets(context, options.targets));
  if (options.dry_run) return print_plan(context, targets);
  std::vector<Error> failures;
  Json document = new_document();
  document["targets"] = take_down_all(context, std::move(targets), options.force, failures);
  if (context.options.json && (failures.empty() || !document["targets"].empty())) {
    context.out << document.dump(2) << '\n';
  }
  return all_of(failures);
}

}  // namespace

void declare_detach(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("detach", "Detach images: unmount them and free their devices");
  command->alias("umount");
  command->footer(kDetachFooter);
  auto options = std::make_shared<DetachOptions>();
  add_targets(*command, options->targets);
  command->add_flag("--force", options->force,
                    "Free an nbd or fuse device even if it is in use; its users get I/O errors");
  command->add_flag("--tab", options->from_tab, "Take TARGET as a name in ploopu.tab")
      ->needs("TARGET")
      ->excludes("--all");
  add_dry_run_option(*command, options->dry_run);
  command->callback([options, &action] {
    action = [options](Context& context) { return run_detach(context, *options); };
  });
}

}  // namespace ploopu::cmd
