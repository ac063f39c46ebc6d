// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu list: what is attached and mounted now.
#include "cmd/commands.hpp"
#include "cmd/json.hpp"
#include "cmd/table.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kFooter[] =
    "\nSTATE is 'serving', or 'stale' when its server has died or its device was taken away:\n"
    "detach it.\n"
    "\nExamples:\n"
    "  ploopu list\n"
    "  ploopu list --json\n";

const char* state_name(AttachmentState state) {
  return state == AttachmentState::serving ? "serving" : "stale";
}

Json to_json(const std::vector<Attachment>& attachments) {
  Json document = new_document();
  document["attachments"] = Json::array();
  for (const auto& attachment : attachments) {
    Json entry = {{"image", text(attachment.image)}};
    if (attachment.ctid) entry["ctid"] = *attachment.ctid;
    if (attachment.snapshot) entry["snapshot"] = text(*attachment.snapshot);
    entry["device"] = text(attachment.device);
    entry["backend"] = attachment.backend;
    entry["mountpoints"] = texts(attachment.mountpoints);
    entry["state"] = state_name(attachment.state);
    entry["pid"] = attachment.server_pid == 0 ? Json() : Json(attachment.server_pid);
    entry["overlay"] = false;
    document["attachments"].push_back(std::move(entry));
  }
  return document;
}

std::string join(const std::vector<std::string>& list) {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ", ") + item;
  return text;
}

// Enough of a GUID to be recognised, and for -s.
std::string short_guid(const std::optional<std::string>& guid) {
  constexpr size_t kDigits = 8;
  return guid ? guid->substr(1, kDigits) : "";
}

void print_text(const Context& context, const std::vector<Attachment>& attachments) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(attachments.size());
  for (const auto& attachment : attachments) {
    rows.push_back({attachment.device, attachment.backend, state_name(attachment.state),
                    attachment.ctid.value_or(""), short_guid(attachment.snapshot), attachment.image,
                    join(attachment.mountpoints)});
  }
  print_table(
      context.out,
      {{"DEVICE"}, {"BACKEND"}, {"STATE"}, {"CTID"}, {"SNAPSHOT"}, {"IMAGE"}, {"MOUNTED ON"}},
      rows);
}

}  // namespace

void declare_list(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("list", "Show what is attached and mounted");
  command->footer(kFooter);
  command->callback([&action] {
    action = [](Context& context) -> Result<void> {
      PLOOPU_TRY(const auto attachments, context.attachments.list());
      if (context.options.json) {
        context.out << to_json(attachments).dump(2) << '\n';
      } else {
        print_text(context, attachments);
      }
      return {};
    };
  });
}

}  // namespace ploopu::cmd
