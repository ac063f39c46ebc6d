// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu map: shows in which file each part of the disk is. Prints extents as they are found: a
// disk may have millions of them.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/cli/word_option.hpp"
#include "cmd/steps/open_image.hpp"
#include "core/base/path.hpp"
#include "core/base/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kMapFooter[] =
    "\nAll numbers are bytes. STATE is 'data', 'zero' (in no delta), or 'error' (missing in the\n"
    "file). DEPTH counts deltas down from the newest, which is 0.\n"
    "\nExamples:\n"
    "  ploopu map 101\n"
    "  ploopu map 101 --only error         list the lost ranges\n"
    "  ploopu map ./root.hdd --json\n";

struct MapOptions {
  ImageChoice choice;
  std::string only;
};

const char* state_name(ExtentKind kind) {
  switch (kind) {
    case ExtentKind::data:
      return "data";
    case ExtentKind::zero:
      return "zero";
    case ExtentKind::unreadable:
      break;
  }
  return "error";
}

// Calls visit(start, extent) for every extent in the state `only` (empty: in any), in ascending
// order.
template <class Visit>
void for_each_extent(const Disk& disk, const std::string& only, Visit visit) {
  for (uint64_t start = 0; start < disk.size();) {
    const Extent extent = disk.extent_at(start, UINT64_MAX);
    if (only.empty() || only == state_name(extent.kind)) visit(start, extent);
    start += extent.length;
  }
}

size_t depth_of(const Disk& disk, const Extent& extent) {
  return disk.deltas().size() - 1 - extent.file;
}

void print_json(std::ostream& out, const Disk& disk, const std::string& only) {
  std::vector<std::string> files;
  for (const auto& delta : disk.deltas()) files.push_back(text(delta.name()).dump());
  out << fmt::format("{{\n  \"schema\": 1,\n  \"virtual_size\": {},\n  \"extents\": [",
                     disk.size());
  const char* separator = "\n    ";
  for_each_extent(disk, only, [&](uint64_t start, const Extent& extent) {
    out << separator
        << fmt::format("{{\"start\": {}, \"length\": {}, \"state\": \"{}\"", start, extent.length,
                       state_name(extent.kind));
    if (extent.kind != ExtentKind::zero) {
      out << fmt::format(", \"file\": {}, \"depth\": {}", files[extent.file],
                         depth_of(disk, extent));
    }
    if (extent.kind == ExtentKind::data) out << fmt::format(", \"offset\": {}", extent.file_offset);
    out << '}';
    separator = ",\n    ";
  });
  out << (separator[0] == ',' ? "\n  ]\n}\n" : "]\n}\n");
}

void print_extents(std::ostream& out, const Disk& disk, const std::string& only) {
  std::vector<std::string> files;
  for (const auto& delta : disk.deltas()) {
    files.push_back(escape_bytes(base_name(delta.name())));
  }
  static constexpr char kRow[] = "{:>16} {:>16} {:<5} {:>16} {:>5} {}\n";
  out << fmt::format(kRow, "START", "LENGTH", "STATE", "OFFSET", "DEPTH", "FILE");
  for_each_extent(disk, only, [&](uint64_t start, const Extent& extent) {
    const bool is_data = extent.kind == ExtentKind::data;
    const bool is_somewhere = extent.kind != ExtentKind::zero;
    out << fmt::format(kRow, start, extent.length, state_name(extent.kind),
                       is_data ? std::to_string(extent.file_offset) : "-",
                       is_somewhere ? std::to_string(depth_of(disk, extent)) : "-",
                       is_somewhere ? files[extent.file] : "-");
  });
}

Result<void> run_map(const Context& context, const MapOptions& options) {
  PLOOPU_TRY(const auto image, open_named(context, options.choice));
  context.warn(image.warnings);
  const auto print = context.options.json ? print_json : print_extents;
  print(context.out, image.disk, options.only);
  return {};
}

}  // namespace

void declare_map(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("map", "Show in which file each part of the disk is");
  command->footer(kMapFooter);
  auto options = std::make_shared<MapOptions>();
  add_image_options(*command, options->choice);
  add_choice(*command, "--only", options->only,
             "Print only extents in this state: data, zero or error", {"data", "zero", "error"})
      ->type_name("STATE");
  command->callback([options, &action] {
    action = [options](Context& context) { return run_map(context, *options); };
  });
}

}  // namespace ploopu::cmd
