// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu list --all: shows every container, whether attached or not, sound or damaged.
#include "cmd/verbs/list_all.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "cmd/cli/json.hpp"
#include "core/base/list.hpp"
#include "core/find/inventory.hpp"

namespace ploopu::cmd {
namespace {

struct ContainerRow {
  Container container;
  std::vector<std::string> devices;
  std::vector<std::string> mountpoints;
};

std::string layout_name(Layout layout) {
  switch (layout) {
    case Layout::ploop:
      return "ploop";
    case Layout::qcow2:
      return "qcow2";
    case Layout::simfs:
      return "simfs";
    case Layout::unknown:
      break;
  }
  return "";
}

uint64_t allocated_bytes(const DiskFigures& disk) {
  return disk.clusters_allocated * disk.cluster_size;
}

template <class Get>
Cell disk_cell(const ContainerRow& row, Get get) {
  return row.container.disk ? Cell(get(*row.container.disk)) : Cell(std::monostate());
}

const std::vector<ListColumn<ContainerRow>>& all_columns() {
  using Row = ContainerRow;
  static const std::vector<ListColumn<Row>> kColumns = {
      {"CTID", "ID of the container: a number or a UUID", CellKind::text,
       [](const Row& row) { return ctid_cell(row.container.ctid); }},
      {"NAME", "name of the container", CellKind::text,
       [](const Row& row) { return text_cell(row.container.name); }},
      {"LAYOUT", "layout of its disk: ploop, qcow2, simfs, or ? if unknown", CellKind::text,
       [](const Row& row) {
         const std::string name = layout_name(row.container.layout);
         return Cell(name.empty() ? "?" : name);
       }},
      {"SIZE", "size of the disk", CellKind::size,
       [](const Row& row) {
         return disk_cell(row, [](const DiskFigures& disk) { return disk.virtual_size; });
       }},
      {"ALLOC", "allocated part of the disk", CellKind::size,
       [](const Row& row) { return disk_cell(row, allocated_bytes); }},
      {"SNAPSHOTS", "number of snapshots", CellKind::number,
       [](const Row& row) {
         const auto& count = row.container.snapshots;
         return count ? Cell(uint64_t{*count}) : Cell(std::monostate());
       }},
      {"STATE", "closed, or in use (running or crashed)", CellKind::text,
       [](const Row& row) {
         return disk_cell(row, [](const DiskFigures& disk) {
           return std::string(disk.in_use ? "in use" : "closed");
         });
       }},
      {"DEVICE", "device, if attached", CellKind::text,
       [](const Row& row) { return joined_cell(row.devices); }},
      {"MOUNTPOINT", "directories on which it is mounted", CellKind::text,
       [](const Row& row) { return joined_cell(row.mountpoints); }},
      {"PATH", "path of its disk, or of its private area", CellKind::text,
       [](const Row& row) { return text_cell(row.container.path); }},
      {"REASON", "reason why it cannot be read", CellKind::text,
       [](const Row& row) { return text_cell(row.container.error); }}};
  return kColumns;
}

Json to_json(const ContainerRow& row) {
  const Container& container = row.container;
  Json entry = {{"ctid", container.ctid}};
  if (!container.name.empty()) entry["name"] = text(container.name);
  entry["path"] = text_or_null(container.path);
  entry["layout"] = text_or_null(layout_name(container.layout));
  for (const char* field : {"virtual_size", "cluster_size", "clusters_allocated", "in_use"}) {
    entry[field] = nullptr;
  }
  if (container.disk) {
    entry["virtual_size"] = container.disk->virtual_size;
    entry["cluster_size"] = container.disk->cluster_size;
    entry["clusters_allocated"] = container.disk->clusters_allocated;
    entry["in_use"] = container.disk->in_use;
  }
  entry["snapshots"] = container.snapshots ? Json(*container.snapshots) : Json();
  if (!row.devices.empty()) entry["device"] = text(row.devices.front());
  if (!row.mountpoints.empty()) entry["mountpoint"] = text(row.mountpoints.front());
  entry["error"] = text_or_null(container.error);
  return entry;
}

// Joins containers and their attachments, sorted by CTID. The live state comes first, since JSON
// has room for one device.
std::vector<ContainerRow> join_rows(std::vector<Container> containers,
                                    const std::vector<Attachment>& attachments) {
  std::sort(containers.begin(), containers.end(), [](const Container& a, const Container& b) {
    return ctid_cell(a.ctid) < ctid_cell(b.ctid);
  });
  std::vector<ContainerRow> rows;
  std::multimap<std::string, size_t> by_path;
  for (auto& container : containers) {
    if (!container.path.empty()) by_path.emplace(container.path, rows.size());
    rows.push_back({std::move(container), {}, {}});
  }
  for (const bool is_live : {true, false}) {
    for (const auto& attachment : attachments) {
      if (attachment.snapshot.has_value() == is_live) continue;
      const auto [first, last] = by_path.equal_range(attachment.image);
      for (auto found = first; found != last; ++found) {
        ContainerRow& row = rows[found->second];
        row.devices.push_back(attachment.device);
        append(row.mountpoints, attachment.mountpoints);
      }
    }
  }
  return rows;
}

}  // namespace

std::string container_columns() { return column_names(all_columns()); }

Result<void> list_containers(Context& context, const ListOptions& options) {
  if (asks_for_columns(options)) {
    print_columns(context, all_columns());
    return {};
  }
  PLOOPU_TRY(const auto table, ListTable<ContainerRow>::choose(all_columns(), options));
  auto inventory = take_inventory(*context.tree);
  const auto attachments = context.attachments.list();
  if (!attachments) inventory.warnings.push_back(attachments.error().message);
  auto rows =
      join_rows(std::move(inventory.containers), attachments.value_or(std::vector<Attachment>()));
  table.sort(rows);
  if (context.options.json) {
    Json document = new_document();
    document["containers"] = Json::array();
    for (const auto& row : rows) document["containers"].push_back(to_json(row));
    document["warnings"] = texts(inventory.warnings);
    context.out << document.dump(2) << '\n';
    return {};
  }
  context.warn(inventory.warnings);
  if (rows.empty()) context.note({"no containers under " + context.options.root});
  table.print(context, rows);
  return {};
}

}  // namespace ploopu::cmd
