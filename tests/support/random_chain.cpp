// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/random_chain.hpp"

#include <algorithm>
#include <array>

namespace ploopu::testing {
namespace {

constexpr uint64_t kSector = 512;
constexpr uint64_t kFarAway = uint64_t{5} << 30;  // where 32 bits of bytes are not enough
constexpr uint64_t kWhollyWritten = uint64_t{64} << 10;

}  // namespace

RandomChain::RandomChain(uint32_t seed, const ChainShape& shape) : random_(seed), shape_(shape) {
  version_ = static_cast<int>(shape.version.value_or(1 + below32(2)));
  cluster_sectors_ = shape.cluster_sectors ? *shape.cluster_sectors : any_cluster_sectors();
  by_libploop_ = shape.by_libploop.value_or(0) == 1;
  damaged_ = !shape.sound && one_in(2);
  disk_sectors_ = any_disk_sectors();
  if (shape.raw_base ? *shape.raw_base == 1 : one_in(4)) layers_.push_back(raw_base());
  const uint32_t depth = shape.depth ? *shape.depth : any_depth();
  while (layers_.empty() || layers_.size() < depth + (layers_.front().raw ? 1 : 0)) {
    layers_.push_back(another_delta());
  }
}

uint32_t RandomChain::any_cluster_sectors() {
  static constexpr std::array<uint32_t, 8> kLarger = {16, 32, 63, 64, 100, 128, 504, 2048};
  return one_in(3) ? kLarger[below(one_in(4) ? 8 : 6)] : 1 + below32(9);
}

uint32_t RandomChain::any_depth() {
  if (one_in(200)) return 150;
  return one_in(10) ? below32(25) : 1 + below32(8);
}

// Small clusters: many; large ones: a few. Seldom a whole number of them. At times none at all.
uint64_t RandomChain::any_disk_sectors() {
  if (!shape_.clusters && !by_libploop_ && one_in(50)) return 0;
  const uint64_t few = 2 + 200 / cluster_sectors_;
  const uint64_t most = one_in(8) ? 4 * few : std::min<uint64_t>(few, 60);
  const uint64_t clusters = shape_.clusters ? *shape_.clusters : 1 + below(most);
  const uint64_t missing = by_libploop_ || one_in(2) ? 0 : below(cluster_sectors_);
  return clusters * cluster_sectors_ - missing;
}

// A table may be longer than its disk needs, by clusters of the file even, or shorter.
size_t RandomChain::any_table_length(uint64_t needed) {
  if (by_libploop_) return needed;
  if (one_in(6)) return needed + below(one_in(3) ? 1500 : 20);
  if (one_in(6)) return below(needed + 1);
  return needed;
}

void RandomChain::write(MemoryFile& file, uint64_t offset, uint64_t length) {
  if (length > 0) file.write(offset, pattern(length, static_cast<uint32_t>(random_())));
}

// Puts something into this range of a file that is still a hole: all of it, a part, or nothing.
// Of a large range only a few pieces, so that the file stays small on a disk.
void RandomChain::fill(MemoryFile& file, uint64_t offset, uint64_t length) {
  if (length == 0 || one_in(10)) return;
  if (length <= kWhollyWritten) {
    const uint64_t skip = one_in(5) ? below(length) : 0;
    const uint64_t rest = one_in(5) ? below(length - skip) : length - skip;
    write(file, offset + skip, rest);
    return;
  }
  const uint64_t part = length / 4;
  for (uint64_t start = 0; start + part <= length; start += part) {
    const uint64_t size = 1 + below(8000);
    const uint64_t rest = part - size;
    write(file, offset + start + (one_in(3) ? 0 : one_in(3) ? rest : below(rest)), size);
  }
}

Layer RandomChain::raw_base() {
  Layer layer{std::make_shared<MemoryFile>(), cluster_sectors_, 0, true};
  uint64_t size = disk_sectors_ * kSector;
  if (!by_libploop_ && one_in(2)) size = below(size * 3 / 2 + 1);
  const uint64_t step = cluster_sectors_ * kSector;
  for (uint64_t at = 0; at < size; at += step) fill(*layer.file, at, std::min(step, size - at));
  layer.file->set_size(size);
  layer.disk_sectors = (size + kSector - 1) / kSector;
  return layer;
}

// A disk that had been shrunk and is grown again shows in the grown part what a delta from before
// has there, by docs/FORMAT.md#sizes-that-differ and to libploop; QEMU shows zeros.
uint64_t RandomChain::largest_size() const {
  uint64_t largest = 0;
  for (const Layer& layer : layers_) largest = std::max(largest, layer.disk_sectors);
  const bool shrunk = !layers_.empty() && layers_.back().disk_sectors < largest;
  return shape_.sound && shrunk ? layers_.back().disk_sectors : UINT64_MAX;
}

PloopSpec RandomChain::any_spec() {
  if (by_libploop_) {
    if (one_in(3)) disk_sectors_ += below(4) * cluster_sectors_;
  } else if (one_in(3)) {
    const uint64_t largest =
        shape_.clusters ? (*shape_.clusters + 1) * uint64_t{cluster_sectors_} : UINT64_MAX;
    const uint64_t grown = disk_sectors_ + below(3 * uint64_t{cluster_sectors_});
    disk_sectors_ = one_in(2) ? std::min(grown, largest) : any_disk_sectors();
  }
  disk_sectors_ = std::min(disk_sectors_, largest_size());
  PloopSpec spec;
  spec.version = version_;
  spec.cluster_sectors = cluster_sectors_;
  spec.disk_sectors = disk_sectors_;
  spec.bat.resize(any_table_length((disk_sectors_ + cluster_sectors_ - 1) / cluster_sectors_));
  spec.flags = below32(2);  // Empty: means nothing
  spec.size_garbage = one_in(4) ? static_cast<uint32_t>(random_()) : 0;
  return spec;
}

uint32_t RandomChain::damaged_entry(uint64_t next) {
  switch (below(3)) {
    case 0:
      return below32(60);  // the header, the table, the middle of a cluster, another's cluster
    case 1:
      return static_cast<uint32_t>(random_());
    default:
      return static_cast<uint32_t>(next + below(100));
  }
}

// A new cluster at the end of the file, or, at times, one that another index has, too.
uint32_t RandomChain::entry_of(uint64_t index, const PloopSpec& spec, Room& room,
                               MemoryFile& file) {
  if (damaged_ && one_in(20)) return damaged_entry(room.next);
  if (index > 0 && !by_libploop_ && one_in(40)) return spec.bat[below(index)];
  const uint64_t cluster = cluster_sectors_ * kSector;
  if (one_in(100)) room.next = std::max(room.next, kFarAway / room.unit + below(1000));
  if (one_in(10)) room.next += below(room.unit == kSector ? cluster_sectors_ : 3);
  const uint64_t in_sectors = room.next * room.unit / kSector;
  const uint64_t entry = version_ == 1 ? in_sectors : room.next;
  fill(file, room.next * room.unit, cluster);
  room.next += cluster / room.unit;
  return static_cast<uint32_t>(entry);
}

// The head, what fills the room up to the first data, and how the file ends.
void RandomChain::finish(MemoryFile& file, const PloopSpec& spec, const Room& room) {
  Bytes head = ploop_head(spec);
  for (int i = 0; i < 4; ++i) {  // m_FirstBlockOffset
    head[static_cast<size_t>(48 + i)] =
        static_cast<std::byte>(room.data / kSector >> (8 * i) & 0xFF);
  }
  const uint64_t head_size = head.size();
  file.write(0, std::move(head));
  if (!by_libploop_ && one_in(2)) fill(file, head_size, room.data - head_size);
  uint64_t size = room.next * room.unit;
  if (damaged_ && one_in(3)) size -= below(size - head_size + 1);
  if (one_in(10)) size += below(3) * cluster_sectors_ * kSector;
  file.set_size(size);
}

Layer RandomChain::another_delta() {
  PloopSpec spec = any_spec();
  Layer layer{std::make_shared<MemoryFile>(), cluster_sectors_, disk_sectors_, false};
  Room room;
  room.unit = version_ == 1 && !by_libploop_ ? kSector : cluster_sectors_ * kSector;
  room.next = (64 + 4 * spec.bat.size() + room.unit - 1) / room.unit;
  if (one_in(5)) room.next += below(5);
  room.data = room.next * room.unit;
  const uint64_t gaps = one_in(4) ? 10 : 1 + below(3);  // allocated: one of so many, or almost all
  const bool almost_all = one_in(4);
  const uint64_t clusters = (disk_sectors_ + cluster_sectors_ - 1) / cluster_sectors_;
  const uint64_t used = std::min<uint64_t>(spec.bat.size(), clusters);
  for (uint64_t i = 0; i < used; ++i) {
    if (almost_all ? one_in(10) : !one_in(gaps)) continue;
    spec.bat[i] = entry_of(i, spec, room, *layer.file);
  }
  for (uint64_t i = used; i > 1; --i) std::swap(spec.bat[i - 1], spec.bat[below(i)]);
  // Behind the disk's end there may be anything, and nobody looks.
  for (uint64_t i = used; used > 0 && i < spec.bat.size(); ++i) spec.bat[i] = spec.bat[below(used)];
  finish(*layer.file, spec, room);
  return layer;
}

}  // namespace ploopu::testing
