// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu snapshots: shows the states of a disk that -s takes.
#include "core/disk/snapshots.hpp"

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/cli/text_table.hpp"
#include "cmd/steps/open_image.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kSnapshotsFooter[] =
    "\nThe live state is marked with *. A snapshot is printed before its children, which are\n"
    "indented if there are several. -s takes a GUID or the beginning of it.\n"
    "\nExamples:\n"
    "  ploopu snapshots 101\n"
    "  ploopu mount 101 /mnt -s 5d0c1f6c\n";

Json to_json(const SnapshotTree& tree) {
  Json document = new_document();
  document["snapshots"] = Json::array();
  for (const auto& snapshot : tree.snapshots) {
    Json entry = {{"guid", text(snapshot.guid)},
                  {"parent", snapshot.parent ? text(*snapshot.parent) : Json()},
                  {"current", snapshot.is_live}};
    if (!snapshot.name.name.empty()) entry["name"] = text(snapshot.name.name);
    if (!snapshot.name.date.empty()) entry["date"] = text(snapshot.name.date);
    if (!snapshot.name.description.empty()) {
      entry["description"] = text(snapshot.name.description);
    }
    entry["file"] = text_or_null(snapshot.file);
    document["snapshots"].push_back(std::move(entry));
  }
  document["warnings"] = texts(tree.warnings);
  return document;
}

void print_text(const Context& context, const SnapshotTree& tree) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& snapshot : tree.snapshots) {
    rows.push_back(
        {(snapshot.is_live ? "* " : "  ") + std::string(2 * snapshot.branches, ' ') + snapshot.guid,
         snapshot.name.date, snapshot.name.name, snapshot.name.description, snapshot.file});
  }
  print_table(context, {{"SNAPSHOT"}, {"DATE"}, {"NAME"}, {"DESCRIPTION"}, {"FILE"}}, rows);
}

}  // namespace

void declare_snapshots(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("snapshots", "Show the tree of snapshots");
  command->footer(kSnapshotsFooter);
  auto choice = std::make_shared<ImageChoice>();
  add_image_argument(*command, *choice);
  add_allow_outside_option(*command, choice->allow_outside);
  command->callback([choice, &action] {
    action = [choice](Context& context) -> Result<void> {
      PLOOPU_TRY(const auto location, locate_named(context, *choice));
      PLOOPU_TRY(const auto tree, read_snapshots(*context.tree, location));
      context.warn(tree.warnings);
      if (context.options.json) {
        context.out << to_json(tree).dump(2) << '\n';
      } else {
        print_text(context, tree);
      }
      return {};
    };
  });
}

}  // namespace ploopu::cmd
