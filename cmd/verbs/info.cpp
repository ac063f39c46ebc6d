// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu info: shows the deltas, partitions and file systems of an image. Needs no device and no
// privileges.
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>

#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/cli/text_table.hpp"
#include "cmd/steps/open_image.hpp"
#include "core/base/path.hpp"
#include "core/base/text.hpp"
#include "core/format/format_extension.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kInfoFooter[] =
    "\nExamples:\n"
    "  ploopu info 101\n"
    "  ploopu info /vz/private/101/root.hdd --json\n"
    "  ploopu --root /mnt/old-host info 101\n";

std::string guid_of(const Image& image, size_t delta) {
  return image.guids.empty() ? "" : image.guids[delta];
}

bool in_use(const Image& image) { return image.disk.deltas().back().in_use(); }

// The field m_DiskInUse in words. Values that the format does not define occur in practice and mean
// closed; some are text, such as Parallels Desktop's "pd22".
std::string use_state(const Delta& delta) {
  const uint32_t value = delta.header().disk_in_use;
  if (delta.in_use()) return "in use";
  if (value == 0 || value == kClosedWithExtension) return "closed";
  std::string letters;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    letters += static_cast<char>(value >> shift & 0xFF);
  }
  const bool is_text = letters.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.") == std::string::npos;
  return is_text ? fmt::format("closed ({:#010x} \"{}\")", value, letters)
                 : fmt::format("closed ({:#010x})", value);
}

// Results of the Look at the disk, which a confined parser returns.
struct InfoAnswer {
  DiskLayout layout;
  std::vector<FormatExtension> extensions;  // in the order of deltas, base first
};

template <class Codec>
void fields(Codec& codec, InfoAnswer& answer) {
  codec(answer.layout, answer.extensions);
}

Result<InfoAnswer> look_for_info(const Context& context, const Disk& disk) {
  InfoAnswer answer;
  PLOOPU_TRY(answer.layout, context.prober.probe(disk));
  ExtensionReader reader;
  for (const auto& delta : disk.deltas()) answer.extensions.push_back(reader.read(delta));
  return answer;
}

void warn_about_extensions(const std::vector<FormatExtension>& extensions, Image& image) {
  for (size_t i = 0; i < extensions.size(); ++i) {
    const FormatExtension& extension = extensions[i];
    const std::string& name = image.disk.deltas()[i].name();
    if (extension.state == ExtensionState::corrupt || extension.state == ExtensionState::unknown) {
      image.warnings.push_back(extension.message(name));
    }
    for (const uint64_t feature : extension.ignored_features) {
      image.warnings.push_back(fmt::format(
          "{}: ignored the unknown feature {:#x} of the format extension", name, feature));
    }
  }
}

Json extension_json(const FormatExtension& extension) {
  if (extension.state == ExtensionState::none) return nullptr;
  Json json = {{"state", state_name(extension.state)}};
  if (!extension.reason.empty()) json["reason"] = text(extension.reason);
  json["bitmaps"] = Json::array();
  for (const auto& bitmap : extension.bitmaps) {
    json["bitmaps"].push_back(
        {{"id", bitmap.id},
         {"size", bitmap.size},
         {"granularity", bitmap.granularity},
         {"bytes_dirty", bitmap.dirty_bytes ? Json(*bitmap.dirty_bytes) : Json()}});
  }
  return json;
}

Json to_json(const OpenedImage& opened, const std::vector<FormatExtension>& extensions) {
  const Image& image = opened.image;
  const Disk& disk = image.disk;
  const Delta& top = disk.deltas().back();
  Json document = new_document();
  if (image.location.ctid) document["ctid"] = *image.location.ctid;
  document["path"] = text(image.location.path);
  if (image.snapshot) document["snapshot"] = *image.snapshot;
  document["version"] = top.is_raw() ? Json() : Json(top.version());
  document["virtual_size"] = disk.size();
  document["cluster_size"] = disk.cluster_size();
  document["clusters_total"] = disk.clusters_total();
  document["clusters_allocated"] = disk.clusters_allocated();
  document["in_use"] = in_use(image);
  document["deltas"] = Json::array();
  for (size_t i = 0; i < disk.deltas().size(); ++i) {
    const Delta& delta = disk.deltas()[i];
    // Fields of the header are null for a raw file, which has no header.
    const auto number = [&](auto value) { return delta.is_raw() ? Json() : Json(value); };
    document["deltas"].push_back({{"file", text(delta.name())},
                                  {"guid", text_or_null(guid_of(image, i))},
                                  {"version", number(delta.version())},
                                  {"cluster_size", delta.cluster_size()},
                                  {"clusters_allocated", disk.usage(i).allocated},
                                  {"file_size", delta.file_size()},
                                  {"in_use", delta.in_use()},
                                  {"disk_in_use", number(delta.header().disk_in_use)},
                                  {"flags", number(delta.header().flags)},
                                  {"extension", extension_json(extensions[i])}});
  }
  document["table"] = text_or_null(opened.layout.table);
  document["partitions"] = Json::array();
  for (const auto& partition : opened.layout.partitions) {
    document["partitions"].push_back(partition_json(partition));
  }
  if (image.location.ctid) {
    document["disks"] = Json::array();
    for (const auto& disk_entry : image.location.disks) {
      document["disks"].push_back({{"uuid", disk_entry.uuid},
                                   {"image", text_or_null(disk_entry.image)},
                                   {"mnt", text_or_null(disk_entry.mountpoint)},
                                   {"enabled", disk_entry.enabled}});
    }
  }
  document["warnings"] = texts(opened.warnings());
  return document;
}

std::string format_name(const Delta& delta) {
  return delta.is_raw() ? "raw" : fmt::format("ploop v{}", delta.version());
}

void print_deltas(const Context& context, const Image& image) {
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < image.disk.deltas().size(); ++i) {
    const Delta& delta = image.disk.deltas()[i];
    rows.push_back({base_name(delta.name()), format_name(delta),
                    human_size(image.disk.usage(i).allocated * delta.cluster_size()),
                    human_size(delta.file_size()), use_state(delta), guid_of(image, i)});
  }
  context.out << '\n';
  print_table(context,
              {{"DELTA"}, {"FORMAT"}, {"DATA", true}, {"FILE SIZE", true}, {"STATE"}, {"GUID"}},
              rows);
}

// Prints a line for each bitmap, and one for an extension without bitmaps.
void print_bitmaps(const Context& context, const Image& image,
                   const std::vector<FormatExtension>& extensions) {
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < extensions.size(); ++i) {
    if (extensions[i].state == ExtensionState::none) continue;
    const std::string file = base_name(image.disk.deltas()[i].name());
    const std::string state = state_name(extensions[i].state);
    for (const auto& bitmap : extensions[i].bitmaps) {
      rows.push_back({bitmap.id, file, state, human_size(bitmap.granularity),
                      bitmap.dirty_bytes ? human_size(*bitmap.dirty_bytes) : "not counted"});
    }
    if (extensions[i].bitmaps.empty()) rows.push_back({"-", file, state, "", ""});
  }
  if (rows.empty()) return;
  context.out << '\n';
  print_table(context,
              {{"DIRTY BITMAP"}, {"DELTA"}, {"STATE"}, {"GRANULARITY", true}, {"DIRTY", true}},
              rows);
}

void print_partitions(const Context& context, const DiskLayout& layout) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& partition : layout.partitions) {
    rows.push_back({partition.number == 0 ? "whole disk" : std::to_string(partition.number),
                    human_size(partition.start), human_size(partition.size), partition.fstype,
                    partition.label, partition.uuid});
  }
  if (rows.empty()) return;
  context.out << '\n';
  print_table(context,
              {{"PARTITION"}, {"START", true}, {"SIZE", true}, {"TYPE"}, {"LABEL"}, {"UUID"}},
              rows);
}

// Prints the disks of the container besides root.hdd, numbered as --disk takes them.
void print_disks(const Context& context, const std::vector<VzDisk>& disks) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(disks.size());
  for (const auto& disk : disks) {
    rows.push_back({std::to_string(rows.size() + 1), disk.uuid,
                    disk.image.empty() ? disk.device : disk.image, disk.mountpoint,
                    disk.enabled ? "yes" : "no"});
  }
  if (rows.empty()) return;
  context.out << '\n';
  print_table(context, {{"DISK", true}, {"UUID"}, {"IMAGE"}, {"MOUNTED ON"}, {"ENABLED"}}, rows);
}

void print_text(const Context& context, const OpenedImage& opened,
                const std::vector<FormatExtension>& extensions) {
  const Image& image = opened.image;
  const Disk& disk = image.disk;
  const size_t deltas = disk.deltas().size();
  const auto line = [&](const char* label, const std::string& value) {
    context.out << fmt::format("{:<12}{}\n", label, escape_bytes(value));
  };
  line("Image", image.location.path);
  if (image.location.ctid) line("Container", *image.location.ctid);
  if (image.snapshot) line("Snapshot", *image.snapshot);
  line("Format", fmt::format("{}, clusters of {}, {}", format_name(disk.deltas().back()),
                             human_size(disk.cluster_size()),
                             deltas == 1 ? "1 delta" : fmt::format("{} deltas", deltas)));
  line("Disk size", fmt::format("{} ({} bytes)", human_size(disk.size()), disk.size()));
  line("Allocated",
       fmt::format("{} of {} clusters", disk.clusters_allocated(), disk.clusters_total()));
  line("State", in_use(image) ? "in use, or its container crashed" : "closed");
  const auto& layout = opened.layout;
  line("Table", layout.table.empty() ? "none" : layout.table);
  print_deltas(context, image);
  print_bitmaps(context, image, extensions);
  print_partitions(context, layout);
  print_disks(context, image.location.disks);
}

}  // namespace

void declare_info(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("info", "Show the format, deltas and partitions of an image");
  command->footer(kInfoFooter);
  auto choice = std::make_shared<ImageChoice>();
  add_image_options(*command, *choice, ImageAccess::shows);
  command->callback([choice, &action] {
    action = [choice](Context& context) -> Result<void> {
      const Look look = [&](const Disk& disk) {
        return encode_answer<InfoAnswer>(look_for_info(context, disk));
      };
      PLOOPU_TRY(auto image, open_named(context, *choice, look));
      PLOOPU_TRY(auto found, decode_answer<InfoAnswer>(image.looked, image.disk.name()));
      PLOOPU_CHECK(check_layout(found.layout, image.disk));
      found.extensions.resize(image.disk.deltas().size());
      warn_about_extensions(found.extensions, image);
      const OpenedImage opened{std::move(image), std::move(found.layout)};
      const auto& extensions = found.extensions;
      context.warn(opened.warnings());
      if (context.options.json) {
        context.out << to_json(opened, extensions).dump(2) << '\n';
      } else {
        print_text(context, opened, extensions);
      }
      return {};
    };
  });
}

}  // namespace ploopu::cmd
