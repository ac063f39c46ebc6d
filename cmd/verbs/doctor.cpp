// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu doctor: reports which back ends work on this host, and what the others lack.
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/cli/text_table.hpp"
#include "core/attach/host_report.hpp"
#include "core/base/exit_code.hpp"
#include "core/base/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kDoctorFooter[] =
    "\nChanges nothing, and loads no module. The exit status is 0 if 'ploopu mount' works on this\n"
    "host, 77 if privileges are missing, and 69 if a part of the kernel is missing.\n"
    "\nExamples:\n"
    "  ploopu doctor\n"
    "  ploopu doctor --json\n";

Json to_json(const HostReport& report) {
  Json document = new_document();
  document["can_mount"] = report.can_mount;
  document["obstacle"] = text_or_null(report.obstacle);
  document["system"] = text_or_null(report.system);
  document["kernel"] = text(report.kernel);
  document["container"] = text_or_null(report.container);
  document["privileged"] = report.privileged;
  document["backends"] = Json::array();
  for (const auto& backend : report.backends) {
    document["backends"].push_back({{"name", backend.name},
                                    {"usable", backend.usable},
                                    {"reason", text_or_null(backend.reason)},
                                    {"advice", texts(backend.advice)}});
  }
  document["features"] = Json::array();
  for (const auto& part : report.parts) {
    document["features"].push_back({{"name", part.name},
                                    {"available", part.available},
                                    {"detail", text_or_null(part.detail)}});
  }
  document["programs"] = Json::array();
  for (const auto& program : report.programs) {
    document["programs"].push_back({{"name", program.name},
                                    {"path", text_or_null(program.path)},
                                    {"purpose", program.purpose},
                                    {"install", text_or_null(program.install)}});
  }
  return document;
}

const char* yes_or_no(bool value) { return value ? "yes" : "no"; }

const char* colour_of_no(std::string_view cell) { return cell == "no" ? "red" : nullptr; }

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

// Prints each advice once, after the names of all back ends and programs that have it.
void print_advice(const Context& context, const HostReport& report) {
  std::vector<std::pair<std::string, std::string>> lines;  // sentence, names
  const auto add = [&](const std::string& name, const std::string& sentence) {
    for (auto& [known, names] : lines) {
      if (known != sentence) continue;
      names.append(", ").append(name);
      return;
    }
    lines.emplace_back(sentence, name);
  };
  for (const auto& backend : report.backends) {
    for (const auto& sentence : backend.advice) add(backend.name, sentence);
  }
  for (const auto& program : report.programs) {
    if (!program.install.empty()) add(program.name, program.install);
  }
  if (!lines.empty()) context.out << "\nAdvice:\n";
  for (const auto& [sentence, names] : lines) {
    context.out << escape_bytes(fmt::format("{}: {}", names, sentence)) << '\n';
  }
}

void print_text(const Context& context, const HostReport& report) {
  std::string first;
  for (const auto& backend : report.backends) {
    if (first.empty() && backend.usable) first = backend.name;
  }
  const std::string mounting =
      report.can_mount ? "works, over " + first : "does not work: " + report.obstacle;
  std::string system = report.system.empty() ? "" : report.system + ", ";
  system += "Linux " + report.kernel;
  if (!report.container.empty()) system += ", in a container (" + report.container + ")";
  context.out << escape_bytes("System    " + system) << '\n'
              << escape_bytes("Rights    " + report.rights) << '\n'
              << escape_bytes("Mounting  " + mounting) << "\n\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& backend : report.backends) {
    rows.push_back({backend.name, yes_or_no(backend.usable), or_dash(backend.reason)});
  }
  print_table(context, {{"BACKEND"}, {"USABLE", false, colour_of_no}, {"WHY"}}, rows);
  context.out << '\n';
  rows.clear();
  for (const auto& part : report.parts) {
    rows.push_back({part.name, yes_or_no(part.available), or_dash(part.detail)});
  }
  print_table(context, {{"FEATURE"}, {"AVAILABLE", false, colour_of_no}, {"DETAIL"}}, rows);
  context.out << '\n';
  rows.clear();
  for (const auto& program : report.programs) {
    rows.push_back({program.name, or_dash(program.path), program.purpose});
  }
  print_table(context, {{"PROGRAM"}, {"PATH"}, {"FOR"}}, rows);
  print_advice(context, report);
}

Result<void> run_doctor(Context& context) {
  const HostReport report = context.survey_host();
  if (context.options.json) {
    context.out << to_json(report).dump(2) << '\n';
  } else {
    print_text(context, report);
  }
  if (!report.can_mount) {
    context.exit_status =
        exit_code(report.privileged ? ErrorKind::missing_kernel_part : ErrorKind::not_permitted);
  }
  return {};
}

}  // namespace

void declare_doctor(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Report which back ends work on this host, and what the others lack");
  command->footer(kDoctorFooter);
  command->callback([&action] { action = run_doctor; });
}

}  // namespace ploopu::cmd
