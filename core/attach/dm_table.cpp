// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/attach/dm_table.hpp"

namespace ploopu {
namespace {

// Whether `next`, which begins where `run` ends, can be joined with it to one target.
bool continues(const DmTarget& run, const DmTarget& next) {
  if (run.kind != next.kind) return false;
  return run.kind != ExtentKind::data ||
         (run.file == next.file && run.offset + run.length == next.offset);
}

// The target at a sector of the disk, as long as the whole sectors of the extent there. An extent
// ends inside a sector only where the file of a ploop delta does.
DmTarget target_at(const Disk& disk, uint64_t sector) {
  const uint64_t position = sector * kSectorSize;
  const Extent extent = disk.extent_at(position, disk.size() - position);
  const uint64_t length = extent.length / kSectorSize;
  if (length == 0) return {sector, 1, ExtentKind::unreadable};
  if (extent.kind != ExtentKind::data) return {sector, length, extent.kind};
  return {sector, length, extent.kind, extent.file, extent.file_offset / kSectorSize};
}

}  // namespace

Result<std::vector<DmTarget>> make_dm_table(const Disk& disk, size_t limit) {
  const Delta& base = disk.deltas().front();
  if (base.is_raw() && base.file_size() % kSectorSize != 0) {
    return fail(ErrorKind::failed, "{}: its size, {}, is not a multiple of 512 bytes", base.name(),
                base.file_size());
  }
  std::vector<DmTarget> targets;
  DmTarget run;
  size_t count = 0;
  const auto add_run = [&] {
    if (++count <= limit) targets.push_back(run);
  };
  const uint64_t sectors = disk.size() / kSectorSize;
  for (uint64_t sector = 0; sector < sectors;) {
    const DmTarget next = target_at(disk, sector);
    sector += next.length;
    if (run.length != 0 && continues(run, next)) {
      run.length += next.length;
      continue;
    }
    if (run.length != 0) add_run();
    run = next;
  }
  if (run.length != 0) add_run();
  if (count > limit) {
    return fail(ErrorKind::failed,
                "{}: the disk needs {} targets, more than {}: its clusters are too scattered",
                disk.deltas().back().name(), count, limit);
  }
  return targets;
}

}  // namespace ploopu
