// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu check: what is wrong with an image. Repairs nothing.
#include "core/check.hpp"

#include <memory>

#include "cmd/commands.hpp"
#include "cmd/json.hpp"
#include "cmd/opened_image.hpp"
#include "core/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kFooter[] =
    "\nThe exit code is 0 when the image is sound, 2 when something is damaged, and 3 when there\n"
    "are only leaks: space in a file that nothing refers to, which is harmless.\n"
    "\nExamples:\n"
    "  ploopu check 101\n"
    "  ploopu check /backup/101/root.hdd --json\n";

constexpr int kDamaged = 2;
constexpr int kOnlyLeaks = 3;

Json to_json(const CheckReport& report) {
  Json document = new_document();
  document["errors"] = Json::array();
  for (const auto& error : report.errors) {
    document["errors"].push_back({{"kind", error.kind}, {"message", text(error.message)}});
  }
  document["lost"] = Json::array();
  for (const auto& range : report.lost) {
    document["lost"].push_back({{"start", range.start}, {"length", range.length}});
  }
  document["leaks"] = report.leaks;
  document["warnings"] = texts(report.warnings);
  document["clusters_checked"] = report.clusters_checked;
  return document;
}

void print_text(const Context& context, const std::string& path, const CheckReport& report) {
  for (const auto& error : report.errors) {
    context.out << "error: " << escape_bytes(error.message) << '\n';
  }
  for (const auto& range : report.lost) {
    context.out << fmt::format("lost: disk bytes {} to {} ({})\n", range.start,
                               range.start + range.length - 1, human_size(range.length));
  }
  context.out << escape_bytes(path)
              << fmt::format(": {}, {} leaked clusters, {} table entries checked\n",
                             report.errors.empty() ? "no errors"
                                                   : fmt::format("{} errors", report.errors.size()),
                             report.leaks, report.clusters_checked);
}

Result<void> run_check(Context& context, const ImageChoice& choice) {
  PLOOPU_TRY(const auto location, locate_image(context.files, context.options.root, choice.image));
  PLOOPU_TRY(const auto report, check_image(context.files, location, choice.snapshot));
  context.warn(report.warnings);
  if (context.options.json) {
    context.out << to_json(report).dump(2) << '\n';
  } else {
    print_text(context, location.path, report);
  }
  if (!report.errors.empty() || !report.lost.empty()) {
    context.exit_status = kDamaged;
  } else if (report.leaks > 0) {
    context.exit_status = kOnlyLeaks;
  }
  return {};
}

}  // namespace

void declare_check(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("check", "Find what is wrong with an image");
  command->footer(kFooter);
  auto choice = std::make_shared<ImageChoice>();
  add_image_options(*command, *choice);
  command->callback([choice, &action] {
    action = [choice](Context& context) { return run_check(context, *choice); };
  });
}

}  // namespace ploopu::cmd
