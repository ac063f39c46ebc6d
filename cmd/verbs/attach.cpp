// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu attach: creates a block device, or a file, with the contents of a disk.
#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/steps/attach_options.hpp"
#include "cmd/steps/dry_run.hpp"
#include "cmd/steps/open_image.hpp"
#include "cmd/steps/ploopu_tab.hpp"
#include "core/base/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kAttachFooter[] =
    "\nPrints the device and its partitions, each on a line. They exist until 'ploopu detach', "
    "and\n"
    "are read-only. --overlay makes them writable: written data goes to a scratch file, never to\n"
    "the image, and is discarded by 'ploopu detach'. --overlay-file keeps it.\n"
    "\nExamples:\n"
    "  ploopu attach 101\n"
    "  ploopu attach /backup/101/root.hdd --json\n"
    "  ploopu attach 101 --overlay --overlay-dir /scratch --overlay-size 20G\n"
    "  ploopu attach 101 --overlay-file /scratch/101.overlay   keep written data in this file\n"
    "  ploopu attach ./root.hdd --backend fuse --no-loop       create a file, without root\n";

struct AttachOptions {
  ImageChoice choice;
  AttachRequest request;
  bool from_tab = false;
  bool dry_run = false;
};

void declare_options(CLI::App& command, AttachOptions& options) {
  add_image_options(command, options.choice);
  add_backend_option(command, options.request);
  command.add_flag("--no-loop", options.request.as_file,
                   "Create a file with the contents of the disk instead of a device (fuse only)");
  command.add_flag("--new", options.request.is_new,
                   "Create another device even if the image is already attached");
  add_strict_option(command, options.request);
  CLI::Option* overlay =
      command.add_flag("--overlay", options.request.overlay.wanted,
                       "Make the device writable; 'detach' discards written data");
  add_overlay_options(command, options.request)->needs(overlay);
}

// Parses the options in the line of ploopu.tab with that name as if they had been typed.
Result<AttachOptions> options_in_tab(const Context& context, const std::string& name) {
  PLOOPU_TRY(auto line, find_in_tab(context.files, name));
  AttachOptions options;
  CLI::App command;
  command.set_help_flag();
  declare_options(command, options);
  std::reverse(line.arguments.begin(), line.arguments.end());  // CLI11 takes the last first
  try {
    command.parse(line.arguments);
  } catch (const CLI::ParseError& error) {
    return fail(ErrorKind::usage, "{}: {}", line.place, error.what());
  }
  options.request.name = name;
  return options;
}

void tell_service_manager(const Context& context, const Attachment& attachment) {
  if (!context.tell_service_manager) return;
  context.tell_service_manager(fmt::format("READY=1\nSTATUS={} is {}, by {}", attachment.device,
                                           attachment.image, attachment.backend));
}

Result<void> run_attach(Context& context, AttachOptions options) {
  if (options.from_tab) {
    const bool dry_run = options.dry_run;
    PLOOPU_TRY(options, options_in_tab(context, options.choice.image));
    options.dry_run = dry_run;
  }
  const OverlayRequest& overlay = options.request.overlay;
  if (overlay.limit != 0 && !overlay.wanted && overlay.file.empty()) {
    return fail(ErrorKind::usage, "--overlay-size: also give --overlay or --overlay-file");
  }
  options.request.root = context.options.root;
  PLOOPU_TRY(auto opened, open_and_probe(context, options.choice));
  PLOOPU_CHECK(hold_checked(context, opened));
  PLOOPU_TRY(const auto view, look_through_overlay(context, opened, options.request.overlay));
  context.warn(opened.warnings());
  PLOOPU_CHECK(refuse_exposed(context, opened.image));
  if (options.dry_run) {
    PLOOPU_TRY(const auto plan, plan_attach(context, opened, options.request));
    print_plan(context, opened, options.request, plan);
    return {};
  }
  PLOOPU_TRY(const auto outcome, attach(context, opened, options.request));
  context.note(notes_of(outcome));
  const Attachment& attachment = outcome.attachment;
  const int server = attachment.server_pid;
  context.tell(fmt::format("{}: served over {}{}", attachment.device, attachment.backend,
                           server == 0 ? "" : fmt::format(" by process {}", server)));
  if (context.options.json) {
    context.out << attachment_json(opened, outcome, {}).dump(2) << '\n';
  } else {
    context.out << escape_bytes(attachment.device) << '\n';
    for (const auto& partition : attachment.partitions) {
      if (partition.number != 0) context.out << escape_bytes(partition.device) << '\n';
    }
  }
  PLOOPU_CHECK(keep_if_told(context, outcome));
  // Tells systemd only in ploopu@NAME.service: another service that runs this command reports its
  // own state.
  if (!options.request.name.empty()) tell_service_manager(context, attachment);
  return {};
}

}  // namespace

void declare_attach(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("attach", "Create a block device for an image");
  command->footer(kAttachFooter);
  auto options = std::make_shared<AttachOptions>();
  declare_options(*command, *options);
  const auto typed = command->get_options();
  add_dry_run_option(*command, options->dry_run);
  CLI::Option* tab = command->add_flag(
      "--tab", options->from_tab, "Take IMAGE as a name in ploopu.tab, and the options from there");
  for (CLI::Option* option : typed) {
    if (!option->get_positional() && option != command->get_help_ptr()) tab->excludes(option);
  }
  command->callback([options, &action] {
    action = [options](Context& context) { return run_attach(context, *options); };
  });
}

}  // namespace ploopu::cmd
