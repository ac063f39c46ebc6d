// SPDX-License-Identifier: GPL-2.0-or-later
// A file of any bytes as a delta, alone and over a raw base. Every extent must lie where it says,
// extents must cover the disk, and reading must agree with them.
#include <cstdint>
#include <cstdlib>

#include "core/disk.hpp"
#include "tests/support/memory_file.hpp"

namespace ploopu::testing {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void walk(const Disk& disk) {
  uint64_t offset = 0;
  for (int steps = 0; offset < disk.size() && steps < 1000; ++steps) {
    const Extent extent = disk.extent_at(offset, UINT64_MAX);
    require(extent.length > 0 && extent.length <= disk.size() - offset);
    if (extent.kind == ExtentKind::data) {
      require(extent.file_offset + extent.length <= disk.deltas()[extent.delta].file_size());
      require(extent.file_offset >= disk.deltas()[extent.delta].data_start());
    }
    Bytes out(std::min<uint64_t>(extent.length, 4096));
    require((disk.read(offset, out) == 0) == (extent.kind != ExtentKind::unreadable));
    offset += extent.length;
  }
}

void try_chain(const std::shared_ptr<MemoryFile>& file, bool with_base) {
  auto top = Delta::open({file, DeltaFormat::ploop, "fuzz", 0});
  if (!top || top->disk_clusters() > 100000) return;
  std::vector<Delta> deltas;
  if (with_base) {
    const auto sectors = static_cast<uint32_t>(top->cluster_size() / kSectorSize);
    auto base = Delta::open({file, DeltaFormat::raw, "base", sectors});
    if (!base) return;
    deltas.push_back(*std::move(base));
  }
  deltas.push_back(*std::move(top));
  if (const auto disk = Disk::assemble(std::move(deltas))) walk(*disk);
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const auto file = std::make_shared<MemoryFile>(Bytes(bytes, bytes + size));
  try_chain(file, false);
  try_chain(file, true);
  return 0;
}
