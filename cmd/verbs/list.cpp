// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu list: shows the attachments of this host and their mount points.
#include "cmd/verbs/list.hpp"

#include <memory>

#include <CLI/CLI.hpp>

#include "cmd/cli/column_table.hpp"
#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/verbs/list_all.hpp"
#include "core/base/guid.hpp"

namespace ploopu::cmd {
namespace {

const char* state_name(AttachmentState state) {
  if (state == AttachmentState::hung) return "hung";
  return state == AttachmentState::serving ? "serving" : "stale";
}

// The state for people. JSON has "changed" in a field of its own.
const char* state_cell(const Attachment& attachment) {
  const bool serving = attachment.state == AttachmentState::serving;
  return serving && attachment.image_changed.value_or(false) ? "changed"
                                                             : state_name(attachment.state);
}

const char* state_colour(std::string_view state) {
  if (state == "serving") return nullptr;
  return state == "changed" ? "yellow" : "red";
}

const std::vector<ListColumn<Attachment>>& columns() {
  using Row = Attachment;
  static const std::vector<ListColumn<Row>> kColumns = {
      {"DEVICE", "device, or file with --no-loop", CellKind::text,
       [](const Row& row) { return text_cell(row.device); }},
      {"BACKEND", "back end: nbd, dm or fuse", CellKind::text,
       [](const Row& row) { return text_cell(row.backend); }},
      {"STATE",
       "serving, changed (the image was modified), hung (the server stands still), or stale (the "
       "server died)",
       CellKind::text, [](const Row& row) { return text_cell(state_cell(row)); }, state_colour},
      {"CTID", "ID of the container, if the image was named by container", CellKind::text,
       [](const Row& row) { return ctid_cell(row.ctid.value_or("")); }},
      {"SNAPSHOT", "beginning of the snapshot's GUID", CellKind::text,
       [](const Row& row) { return text_cell(row.snapshot ? short_guid(*row.snapshot) : ""); }},
      {"IMAGE", "path of the image", CellKind::text,
       [](const Row& row) { return text_cell(row.image); }},
      {"MOUNTPOINT", "directories on which it is mounted", CellKind::text,
       [](const Row& row) { return joined_cell(row.mountpoints); }}};
  return kColumns;
}

std::string footer() {
  return "\nColumns:" + list_columns(false) + "\nWith --all:" + list_columns(true) +
         "\n\nSTATE of an attachment is 'serving', 'changed' if files of the image were written "
         "to,\n"
         "replaced or removed since the image was attached, 'hung' if a process of its server\n"
         "stands still (over nbd another process replaces it within seconds), or 'stale' if its\n"
         "server has died or its device was taken away: detach it, or reload an nbd device. With\n"
         "--all, STATE is 'closed', or 'in use' if the container is running or crashed, and "
         "REASON\n"
         "says why a container cannot be read.\n"
         "\nExamples:\n"
         "  ploopu list\n"
         "  ploopu list --all\n"
         "  ploopu list --all -Hb -o CTID,SIZE,ALLOC --sort SIZE\n"
         "  ploopu --root /mnt/old-host list --all --json\n";
}

Json json_of(const std::string& value) { return text(value); }
Json json_of(const std::optional<std::string>& value) { return value ? text(*value) : Json(); }
Json json_of(bool value) { return value; }

// Adds the facts that list shows to a JSON object.
struct FactWriter {
  Json& entry;

  template <class Value>
  void operator()(const KeptFact& /*fact*/, const Value& /*value*/) const {}
  template <class Value>
  void operator()(const ShownFact& fact, const Value& value) const {
    if (!is_left_out(fact.presence, value)) entry[fact.in_list] = json_of(value);
  }
};

Json to_json(const Attachment& attachment) {
  Json entry = Json::object();
  visit_identity(FactWriter{entry}, attachment);
  entry["mountpoints"] = texts(attachment.mountpoints);
  entry["state"] = state_name(attachment.state);
  entry["image_changed"] = attachment.image_changed ? Json(*attachment.image_changed) : Json();
  entry["warnings"] = texts(attachment.warnings);
  entry["pid"] = attachment.server_pid == 0 ? Json() : Json(attachment.server_pid);
  visit_service(FactWriter{entry}, attachment);
  return entry;
}

Json to_json(const std::vector<Attachment>& attachments) {
  Json document = new_document();
  document["attachments"] = Json::array();
  for (const auto& attachment : attachments) {
    document["attachments"].push_back(to_json(attachment));
  }
  return document;
}

Result<void> list_attachments(Context& context, const ListOptions& options) {
  if (asks_for_columns(options)) {
    print_columns(context, columns());
    return {};
  }
  PLOOPU_TRY(const auto table, ListTable<Attachment>::choose(columns(), options));
  PLOOPU_TRY(auto attachments, context.attachments.list());
  context.attachments.look_at_images(attachments);
  table.sort(attachments);
  if (context.options.json) {
    context.out << to_json(attachments).dump(2) << '\n';
  } else {
    table.print(context, attachments);
    for (const auto& attachment : attachments) context.warn(attachment.warnings);
  }
  return {};
}

}  // namespace

std::string list_columns(bool of_containers) {
  return of_containers ? container_columns() : column_names(columns());
}

void declare_list(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("list", "List attached images, or all containers");
  command->footer(footer());
  auto options = std::make_shared<ListOptions>();
  auto all = std::make_shared<bool>(false);
  command->add_flag("--all", *all, "List all containers of this host, or of --root");
  add_list_options(*command, *options);
  command->callback([options, all, &action] {
    action = [options, all](Context& context) {
      return *all ? list_containers(context, *options) : list_attachments(context, *options);
    };
  });
}

}  // namespace ploopu::cmd
