// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu reload: replaces the server of an attachment by one that runs this program.
#include <memory>
#include <set>
#include <utility>

#include <CLI/CLI.hpp>

#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/steps/attached_targets.hpp"
#include "cmd/steps/open_image.hpp"
#include "core/disk/image.hpp"
#include "core/find/locate.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kReloadFooter[] =
    "\nRestarts the servers of attached images with this version of ploopu: after an upgrade, or\n"
    "if the servers have died. Reads wait for a moment and do not fail. Works over nbd without an "
    "overlay;\n"
    "--all leaves other devices as they are.\n"
    "\nExamples:\n"
    "  ploopu reload /dev/nbd0\n"
    "  ploopu reload --all\n";

Result<void> reload(const Context& context, const Attachment& attachment) {
  const HostTree tree(context.files, attachment.root);
  PLOOPU_TRY(auto location, locate_image(tree, attachment.image));
  location.allow_outside = true;  // safe: reload() requires the files that are attached
  PLOOPU_TRY(auto image, open_image(tree, std::move(location), attachment.snapshot.value_or(""),
                                    probing(context)));
  PLOOPU_TRY(auto layout, probed_layout(image));
  OpenedImage opened{std::move(image), std::move(layout)};
  PLOOPU_CHECK(hold_checked(context, opened));
  return context.attachments.reload(attachment, opened.image);
}

Result<void> run_reload(Context& context, const TargetChoice& choice) {
  PLOOPU_TRY(const auto lock, context.attachments.lock());
  PLOOPU_TRY(const auto targets, find_targets(context, choice));
  Json document = new_document();
  document["targets"] = Json::array();
  std::vector<Error> failures;
  std::set<std::string> seen;
  for (const auto& [attachment, mountpoint] : targets) {
    if (!seen.insert(attachment.id).second) continue;
    auto done = reload(context, attachment);
    const bool is_left = !done && choice.all && done.error().kind == ErrorKind::refused;
    document["targets"].push_back({{"device", text(attachment.device)},
                                   {"image", text(attachment.image)},
                                   {"reloaded", done.has_value()}});
    if (done) context.tell(attachment.device + ": reloaded");
    if (is_left) context.note({done.error().message + " (not reloaded)"});
    if (!done && !is_left) failures.push_back(std::move(done).error());
  }
  if (context.options.json && failures.empty()) context.out << document.dump(2) << '\n';
  return all_of(failures);
}

}  // namespace

void declare_reload(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("reload", "Restart the servers of attached images");
  command->footer(kReloadFooter);
  auto choice = std::make_shared<TargetChoice>();
  add_targets(*command, *choice);
  command->callback([choice, &action] {
    action = [choice](Context& context) { return run_reload(context, *choice); };
  });
}

}  // namespace ploopu::cmd
