// SPDX-License-Identifier: GPL-2.0-or-later
// The input is a delta, alone and above a raw base. The place and the value of each byte must be
// those of a slow reader, and `check` must agree.
#include "core/check/check.hpp"
#include "tests/fuzz/against_slow_reader.hpp"
#include "tests/support/fake_file_system.hpp"

namespace ploopu::testing {
namespace {

constexpr uint64_t kMaxClusters = 100000;
constexpr uint64_t kWhollyCompared = uint64_t{1300} * kSectorSize;
constexpr int kMaxExtents = 500;
constexpr char kPath[] = "/image.hds";

void compare_place(const SlowReader& slow, const Extent& extent, uint64_t offset) {
  const SlowPiece piece = slow.piece_at(offset);
  require(kind_of(piece) == extent.kind && piece.length > 0);
  if (extent.kind != ExtentKind::zero) require(piece.layer == extent.file);
  if (extent.kind == ExtentKind::data) require(piece.position == extent.file_offset);
}

// Compares both ends of the first extents of a large disk.
void compare_first_extents(const Disk& disk, const std::vector<Layer>& layers) {
  const SlowReader slow(layers);
  require(disk.size() == slow.size());
  uint64_t offset = 0;
  for (int steps = 0; offset < disk.size() && steps < kMaxExtents; ++steps) {
    const Extent extent = disk.extent_at(offset, UINT64_MAX);
    require(extent.length > 0 && extent.length <= disk.size() - offset);
    compare_place(slow, extent, offset);
    Extent last = extent;
    if (last.kind == ExtentKind::data) last.file_offset += extent.length - 1;
    compare_place(slow, last, offset + extent.length - 1);
    Bytes out(std::min<uint64_t>(extent.length, 4096));
    require((disk.read(offset, out) == 0) == (extent.kind != ExtentKind::unreadable));
    offset += extent.length;
  }
}

uint64_t lost_bytes(const Disk& disk) {
  uint64_t lost = 0;
  for (uint64_t offset = 0; offset < disk.size();) {
    const Extent extent = disk.extent_at(offset, UINT64_MAX);
    if (extent.kind == ExtentKind::unreadable) lost += extent.length;
    offset += extent.length;
  }
  return lost;
}

void compare_check(const std::shared_ptr<MemoryFile>& file, const Disk* disk) {
  FakeFileSystem files;
  files.add(kPath, file);
  ImageLocation location;
  location.path = kPath;
  const auto checked = check_image(HostTree(files, "/"), location, "");
  if (!checked) return;
  const CheckReport* const report = &checked->report;
  require(report->is_readable == (disk != nullptr));
  require(report->is_readable || !report->errors.empty());
  if (disk == nullptr) return;
  require(report->lost_bytes == lost_bytes(*disk));
  require(report->lost_bytes == 0 || !report->errors.empty());
}

void try_chain(std::vector<Delta> deltas, const std::vector<Layer>& layers) {
  const bool is_small = deltas.back().disk_size() <= kWhollyCompared;
  const auto disk = Disk::assemble(std::move(deltas));
  require(disk.has_value());
  if (is_small) {
    compare_with_slow_reader(*disk, layers);
  } else {
    compare_first_extents(*disk, layers);
  }
  if (layers.size() == 1) compare_check(layers.front().file, &*disk);
}

void try_file(const std::shared_ptr<MemoryFile>& file) {
  const auto top = Delta::open({file, DeltaFormat::ploop, kPath, 0});
  if (!top) {
    compare_check(file, nullptr);
    return;
  }
  if (top->disk_clusters() > kMaxClusters) return;
  const auto sectors = static_cast<uint32_t>(top->cluster_size() / kSectorSize);
  const Layer layer{file, sectors, top->header().disk_sectors, false};
  const Layer raw{file, sectors, (file->size() + kSectorSize - 1) / kSectorSize, true};
  try_chain({*top}, {layer});
  const auto base = Delta::open({file, DeltaFormat::raw, "base", sectors});
  require(base.has_value());
  try_chain({*base, *top}, {raw, layer});
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  try_file(std::make_shared<MemoryFile>(Input(data, size).bytes()));
  return 0;
}
