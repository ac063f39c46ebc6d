// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/dm/dm_backend.hpp"

#include <algorithm>
#include <utility>

#include <sys/sysmacros.h>

#include "core/attach/dm_name.hpp"
#include "core/attach/dm_table.hpp"
#include "platform/block/block_device.hpp"
#include "platform/block/device_mapper.hpp"
#include "platform/block/loop_device.hpp"
#include "platform/kernel/module_loader.hpp"

namespace ploopu {
namespace {

std::string uuid_of(const Record& record) { return "PLOOPU-" + record.id; }

std::string format_number(dev_t device) {
  return fmt::format("{}:{}", major(device), minor(device));
}

// The loop devices on the files that the table uses, by index of the file. A loop device exists
// as long as this object, or as long as a dm device uses it.
using Loops = std::vector<std::optional<LoopDevice>>;

Result<Loops> attach_loops(const Disk& disk, const std::vector<DmTarget>& table) {
  Loops loops(disk.files().size());
  for (const auto& target : table) {
    if (target.kind != ExtentKind::data || loops[target.file]) continue;
    const int file = disk.files()[target.file]->descriptor();
    PLOOPU_TRY(loops[target.file], target.file < disk.deltas().size()
                                       ? attach_direct_loop(file, disk.deltas()[target.file].name())
                                       : attach_memory_loop(file, disk.name()));
  }
  return loops;
}

std::vector<DmLine> lines_of(const std::vector<DmTarget>& table, const Loops& loops) {
  std::vector<std::string> numbers;
  numbers.reserve(loops.size());
  for (const auto& loop : loops) {
    numbers.push_back(loop ? format_number(device_number(loop->node)) : "");
  }
  std::vector<DmLine> lines;
  lines.reserve(table.size());
  for (const auto& target : table) {
    DmLine line{target.start, target.length, "zero", ""};
    if (target.kind == ExtentKind::unreadable) line.target = "error";
    if (target.kind == ExtentKind::data) {
      line.target = "linear";
      line.parameters = fmt::format("{} {}", numbers[target.file], target.offset);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

// Returns "ploopu-101", or "ploopu-101-2" if a device has that name already.
std::string free_name(const Record& record) {
  const auto devices = list_dm_devices();
  const std::string name = dm_name(record.image, record.ctid, record.snapshot);
  std::string candidate = name;
  const auto is_taken = [&] {
    return std::any_of(devices.begin(), devices.end(), [&](const DmDevice& device) {
      return is_dm_name_taken_by(candidate, device.name);
    });
  };
  for (int number = 2; is_taken(); ++number) candidate = fmt::format("{}-{}", name, number);
  return candidate;
}

// Returns a UUID in the form of kpartx, by which lsblk recognises partitions.
std::string partition_uuid(const std::string& disk_uuid, uint32_t number) {
  return fmt::format("part{}-{}", number, disk_uuid);
}

struct PartitionDevice {
  DmDevice device;
  std::vector<DmLine> table;
};

std::vector<PartitionDevice> partitions_of(const std::string& disk_uuid) {
  std::vector<PartitionDevice> partitions;
  for (auto& device : list_dm_devices()) {
    if (!is_partition_uuid(device.uuid, disk_uuid)) continue;
    auto table = read_dm_table(device.uuid);
    partitions.push_back({std::move(device), std::move(table)});
  }
  return partitions;
}

// Makes a device of `size` bytes for a partition. `size` is less than partition.size if the
// partition ends past the end of the disk, as in the kernel's own scan.
Result<void> provide_partition(const DmDevice& disk, const std::string& name,
                               const Partition& partition, uint64_t size) {
  const std::string uuid = partition_uuid(disk.uuid, partition.number);
  if (const auto existing = find_dm_device(uuid)) {
    if (existing->has_table && existing->name == name) return {};
    PLOOPU_CHECK(remove_dm_device(*existing));
  }
  return create_dm_device(
      name, uuid,
      {{0, size / kSectorSize, "linear",
        fmt::format("{} {}", format_number(disk.number), partition.start / kSectorSize)}});
}

// Removes the partitions and the disk, or nothing if something uses the disk or a partition.
Result<void> remove_all(const DmDevice& disk, const std::vector<PartitionDevice>& partitions) {
  std::vector<UniqueFd> claims;
  for (const auto& partition : partitions) {
    if (!partition.device.has_table) continue;
    PLOOPU_TRY(auto claim, claim_disk(dm_node(partition.device.name)));
    claims.push_back(std::move(claim));
  }
  claims.clear();  // the kernel doesn't remove a device that is open
  auto removed = Result<void>();
  size_t count = 0;
  while (removed && count < partitions.size()) {
    removed = remove_dm_device(partitions[count].device);
    if (removed) ++count;
  }
  if (removed) removed = remove_dm_device(disk);
  if (removed) return {};
  // Another process opened a device after the claims: make the removed partitions again.
  for (size_t i = 0; i < count; ++i) {
    const auto& [device, table] = partitions[i];
    if (!table.empty()) static_cast<void>(create_dm_device(device.name, device.uuid, table));
  }
  return removed;
}

}  // namespace

BackendReport DmBackend::survey(const HostFacts& host, bool /*as_file*/) {
  BackendReport report{"dm", true, "", {}};
  if (!host.need_rights(report)) return report;
  const bool is_there = host.kernel().has_misc_device("device-mapper");
  static_cast<void>(host.need(report, is_there, "dm_mod", "CONFIG_BLK_DEV_DM") &&
                    (!is_there || host.need_node(report, "/dev/mapper/control")) &&
                    host.need(report, host.asked().has_dm_zero, "dm_zero", "CONFIG_DM_ZERO") &&
                    host.need_loop(report));
  return report;
}

Result<void> DmBackend::prepare(bool /*as_file*/) const {
  PLOOPU_CHECK(require_driver("/dev/loop-control", "loop"));
  return require_dm_target("zero", "dm_zero");
}

Result<std::optional<ServerProcess>> DmBackend::serve(const ServedDisk& disk,
                                                      const DiskLayout& /*layout*/, Record& record,
                                                      int /*lock*/) const {
  PLOOPU_TRY(const auto table, make_dm_table(disk.disk));
  PLOOPU_TRY(const auto loops, attach_loops(disk.disk, table));
  const std::string name = free_name(record);
  PLOOPU_CHECK(create_dm_device(name, uuid_of(record), lines_of(table, loops)));
  record.device = dm_node(name);
  record.loops = static_cast<size_t>(
      std::count_if(loops.begin(), loops.end(), [](const auto& loop) { return loop.has_value(); }));
  return std::nullopt;
}

Result<std::vector<AttachedPartition>> DmBackend::provide_partitions(
    const Record& record, const DiskLayout& layout, std::vector<std::string>& notes) const {
  const auto disk = find_dm_device(uuid_of(record));
  if (!disk) return fail(ErrorKind::not_found, "{}: has vanished", record.device);
  const uint64_t disk_size = device_size(dm_node(disk->name));
  std::vector<AttachedPartition> nodes;
  for (const auto& partition : layout.partitions) {
    if (partition.number == 0) {
      nodes.push_back({0, dm_node(disk->name)});
      continue;
    }
    if (partition.start >= disk_size || partition.size < kSectorSize) {
      notes.push_back(fmt::format("partition {} is past the end of the disk: it has no node",
                                  partition.number));
      continue;
    }
    const uint64_t size = std::min(node_size(partition), disk_size - partition.start);
    const std::string name = dm_partition_name(disk->name, partition.number);
    PLOOPU_CHECK(provide_partition(*disk, name, partition, size));
    nodes.push_back({partition.number, dm_node(name)});
  }
  return nodes;
}

std::string DmBackend::find_device(const Record& record, const BlockSnapshot& /*now*/) const {
  const auto disk = find_dm_device(uuid_of(record));
  return disk ? dm_node(disk->name) : "";
}

// The loop devices below the disk exist as long as its table refers to them, so a wrong number of
// them means that the table was replaced.
bool DmBackend::is_served(const Record& record, bool /*has_server*/) const {
  const auto disk = find_dm_device(uuid_of(record));
  if (!disk || !record.is_readable) return false;
  const auto loops = loops_below(disk->number);
  return loops.size() == record.loops &&
         std::none_of(loops.begin(), loops.end(),
                      [](const BoundLoop& loop) { return loop.file.empty(); });
}

Result<void> DmBackend::release(const Record& record) const {
  const auto disk = find_dm_device(uuid_of(record));
  if (!disk) {
    for (const auto& partition : record.partitions) forget_dm_node(partition.device);
    forget_dm_node(record.device);
    return {};
  }
  const auto loops = loops_below(disk->number);
  PLOOPU_CHECK(remove_all(*disk, partitions_of(disk->uuid)));
  return wait_for_loops(loops);
}

}  // namespace ploopu
