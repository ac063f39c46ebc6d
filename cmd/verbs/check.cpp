// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu check: reports damage of an image, and repairs nothing.
#include "core/check/check.hpp"

#include <memory>

#include <CLI/CLI.hpp>

#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/steps/open_image.hpp"
#include "core/base/exit_code.hpp"
#include "core/base/list.hpp"
#include "core/base/text.hpp"
#include "core/check/lost_files.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kCheckFooter[] =
    "\nThe exit status is 0 if the image is sound, 2 if it is damaged, and 3 if it only has "
    "leaks:\n"
    "unused clusters in a file, which are harmless. Repairs nothing.\n"
    "\nExamples:\n"
    "  ploopu check 101\n"
    "  ploopu check 101 --files            also list damaged files\n"
    "  ploopu check /backup/101/root.hdd --json\n";

struct CheckOptions {
  ImageChoice choice;
  bool files = false;
};

Json range_json(const DiskRange& range) {
  return {{"start", range.start}, {"length", range.length}};
}

Json to_json(const CheckReport& report) {
  Json document = new_document();
  document["errors"] = Json::array();
  for (const auto& error : report.errors) {
    document["errors"].push_back({{"kind", error.kind}, {"message", text(error.message)}});
  }
  document["lost"] = Json::array();
  for (const auto& range : report.lost) document["lost"].push_back(range_json(range));
  document["lost_bytes"] = report.lost_bytes;
  if (!report.is_readable) document["lost"] = document["lost_bytes"] = nullptr;
  document["leaks"] = report.leaks;
  document["warnings"] = texts(report.warnings);
  document["clusters_checked"] = report.clusters_checked;
  return document;
}

void add_files(Json& document, const LostFiles& found) {
  document["files"] = Json::array();
  for (const auto& file : found.files) {
    Json item = {{"partition", file.partition},
                 {"path", text_or_null(file.path)},
                 {"inode", file.inode},
                 {"part", file.part}};
    item.update(range_json(file.lost));
    document["files"].push_back(std::move(item));
  }
  document["metadata"] = Json::array();
  for (const auto& metadata : found.metadata) {
    Json item = {{"partition", metadata.partition}, {"what", metadata.what}};
    item.update(range_json(metadata.lost));
    document["metadata"].push_back(std::move(item));
  }
  document["unclaimed_bytes"] = found.unclaimed_bytes;
}

std::string words(const DiskRange& range) {
  return fmt::format("disk bytes {} to {} ({})", range.start, range.start + range.length - 1,
                     human_size(range.length));
}

void print_files(std::ostream& out, const LostFiles& found) {
  for (const auto& file : found.files) {
    const std::string name =
        file.path.empty() ? fmt::format("inode {} without a name", file.inode) : file.path;
    out << "file: " << escape_bytes(name)
        << (file.part == "data" ? "" : fmt::format(" ({})", file.part))
        << fmt::format(": {}\n", words(file.lost));
  }
  for (const auto& metadata : found.metadata) {
    out << fmt::format("metadata: {} of the file system: {}\n", metadata.what,
                       words(metadata.lost));
  }
  if (found.unclaimed_bytes > 0) {
    out << fmt::format("unclaimed: no file was found for {} lost bytes\n", found.unclaimed_bytes);
  }
}

void print_text(const Context& context, const std::string& path, const CheckReport& report,
                const LostFiles& found) {
  for (const auto& error : report.errors) {
    context.out << "error: " << escape_bytes(error.message) << '\n';
  }
  if (!report.is_readable) context.out << "lost: the whole disk, which can't be assembled\n";
  for (const auto& range : report.lost) {
    context.out << fmt::format("lost: {}\n", words(range));
  }
  if (report.lost_ranges > report.lost.size()) {
    context.out << fmt::format("lost: and {} more ranges, {} bytes in all\n",
                               report.lost_ranges - report.lost.size(), report.lost_bytes);
  }
  print_files(context.out, found);
  context.out << escape_bytes(path)
              << fmt::format(": {}, {} leaked clusters, {} table entries checked\n",
                             report.errors.empty() ? "no errors"
                             : report.errors.size() == 1
                                 ? "1 error"
                                 : fmt::format("{} errors", report.errors.size()),
                             report.leaks, report.clusters_checked);
}

// Finds the files on the lost ranges. Returns none if `image` is nullptr: an image that can't be
// opened is lost as a whole.
Result<LostFiles> name_files(const Context& context, const Image* image,
                             const CheckReport& report) {
  if (report.lost.empty() || image == nullptr) return LostFiles();
  PLOOPU_TRY(const auto layout, probed_layout(*image));
  auto found = find_lost_files(context.file_finder, image->disk, layout, report.lost);
  if (report.lost_ranges > report.lost.size()) {
    found.notes.push_back(
        fmt::format("files are listed for the first {} lost ranges only", report.lost.size()));
  }
  return found;
}

Result<void> run_check(Context& context, const CheckOptions& options) {
  const ImageChoice& choice = options.choice;
  PLOOPU_TRY(const auto location, locate_named(context, choice));
  PLOOPU_TRY(auto checked, check_image(*context.tree, location, choice.snapshot,
                                       options.files ? probing(context) : Look()));
  CheckReport& report = checked.report;
  const Image* image = checked.image ? &*checked.image : nullptr;
  const auto uses = warnings_of_use(context, location, image);
  report.warnings.insert(report.warnings.begin(), uses.begin(), uses.end());
  LostFiles found;
  if (options.files) {
    PLOOPU_TRY(found, name_files(context, image, report));
    append(report.warnings, found.notes);
  }
  context.warn(report.warnings);
  if (context.options.json) {
    Json document = to_json(report);
    if (options.files) add_files(document, found);
    context.out << document.dump(2) << '\n';
  } else {
    print_text(context, location.path, report, found);
  }
  if (!report.errors.empty() || !report.lost.empty()) {
    context.exit_status = kFoundDamage;
  } else if (report.leaks > 0) {
    context.exit_status = kFoundLeaks;
  }
  return {};
}

}  // namespace

void declare_check(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("check", "Check an image for damage");
  command->footer(kCheckFooter);
  auto options = std::make_shared<CheckOptions>();
  add_image_options(*command, options->choice, ImageAccess::shows);
  command->add_flag("--files", options->files,
                    "List the files that lost data (on ext2, ext3 and ext4)");
  command->callback([options, &action] {
    action = [options](Context& context) { return run_check(context, *options); };
  });
}

}  // namespace ploopu::cmd
