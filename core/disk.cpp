// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ploopu {
namespace {

Result<void> check_chain(const std::vector<Delta>& deltas) {
  const Delta& top = deltas.back();
  for (size_t i = 0; i < deltas.size(); ++i) {
    const Delta& delta = deltas[i];
    if (delta.is_raw() && i > 0) {
      return fail(ErrorKind::damaged, "{}: a raw file can only be the base of a chain",
                  delta.name());
    }
    if (delta.cluster_size() != top.cluster_size()) {
      return fail(
          ErrorKind::damaged,
          "{}: m_Sectors says clusters of {} sectors, but {} says {}: one chain has one size",
          delta.name(), delta.cluster_size() / kSectorSize, top.name(),
          top.cluster_size() / kSectorSize);
    }
    if (!delta.is_raw() && !top.is_raw() && delta.version() != top.version()) {
      return fail(ErrorKind::damaged, "{}: is ploop v{}, but {} is v{}: one chain has one version",
                  delta.name(), delta.version(), top.name(), top.version());
    }
  }
  return {};
}

}  // namespace

Result<Disk> Disk::assemble(std::vector<Delta> base_first) {
  PLOOPU_CHECK(check_chain(base_first));
  Disk disk;
  disk.deltas_ = std::move(base_first);
  const Delta& top = disk.deltas_.back();
  disk.size_ = top.disk_size();
  disk.cluster_size_ = top.cluster_size();
  // A disk is a whole number of sectors: the rest of a raw file's last one reads as zeros.
  if (top.is_raw()) disk.size_ = (disk.size_ + kSectorSize - 1) / kSectorSize * kSectorSize;
  disk.usage_.resize(disk.deltas_.size());
  // Only as many as the tables really have: a header of a few bytes may claim any disk.
  uint64_t covered = 0;
  for (const auto& delta : disk.deltas_) covered = std::max(covered, delta.entries());
  disk.slots_.resize(std::min(covered, top.disk_clusters()));
  for (uint32_t i = 0; i < disk.deltas_.size(); ++i) PLOOPU_CHECK(disk.overlay(i));
  disk.clusters_allocated_ =
      static_cast<uint64_t>(std::count_if(disk.slots_.begin(), disk.slots_.end(),
                                          [](const Slot& slot) { return slot.owner != kNobody; }));
  return disk;
}

// Lays delta `index` over what is below it. An entry of 0 leaves the lower delta's cluster visible.
Result<void> Disk::overlay(uint32_t index) {
  const Delta& delta = deltas_[index];
  DeltaUsage& usage = usage_[index];
  const uint64_t data_limit = delta.file_size();
  auto place_entry = [&](uint64_t cluster, uint32_t entry) {
    const uint64_t start = entry * delta.entry_unit();
    // Of a raw file, or of a disk's last cluster, only what belongs to the disk must be there.
    const uint64_t valid = std::min(cluster_size_, delta.disk_size() - cluster * cluster_size_);
    ++usage.allocated;
    if (start < delta.data_start() || start + valid > data_limit) ++usage.damaged;
    if (cluster < slots_.size()) place(cluster, {{entry, index + 1}, valid});
  };
  return delta.for_each_entry(place_entry);
}

void Disk::place(uint64_t cluster, Layer layer) {
  Slot& slot = slots_[cluster];
  const uint64_t disk_bytes = std::min(cluster_size_, size_ - cluster * cluster_size_);
  if (layer.valid >= disk_bytes) {
    splits_.erase(cluster);
    slot = layer.slot;
    return;
  }
  auto& layers = splits_[cluster];
  if (slot.owner != kNobody && slot.owner != kSplit) layers.push_back({slot, cluster_size_});
  layers.push_back(layer);
  slot.owner = kSplit;
}

Extent Disk::extent_of(Slot slot, uint64_t within, uint64_t length) const {
  if (slot.owner == kNobody) return {length, ExtentKind::zero, 0, 0};
  const uint32_t index = slot.owner - 1;
  const Delta& delta = deltas_[index];
  // At most 2^32 * 64 MiB = 2^58: no overflow.
  const uint64_t start = slot.entry * delta.entry_unit();
  const uint64_t position = start + within;
  if (start < delta.data_start() || position >= delta.file_size()) {
    return {length, ExtentKind::unreadable, index, 0};
  }
  return {std::min(length, delta.file_size() - position), ExtentKind::data, index, position};
}

// The extent at `offset`, ending at the latest where its cluster or, behind all tables, the disk
// ends.
Extent Disk::extent_in_cluster(uint64_t offset) const {
  const uint64_t cluster = offset / cluster_size_;
  if (cluster >= slots_.size()) return {size_ - offset, ExtentKind::zero, 0, 0};
  const uint64_t within = offset % cluster_size_;
  const uint64_t length = std::min(cluster_size_ - within, size_ - offset);
  const Slot slot = slots_[cluster];
  if (slot.owner != kSplit) return extent_of(slot, within, length);
  const auto& layers = splits_.at(cluster);
  const auto top = std::find_if(layers.rbegin(), layers.rend(),
                                [&](const Layer& layer) { return layer.valid > within; });
  if (top == layers.rend()) return {length, ExtentKind::zero, 0, 0};
  return extent_of(top->slot, within, std::min(length, top->valid - within));
}

Extent Disk::extent_at(uint64_t offset, uint64_t max_length) const {
  max_length = std::min(max_length, size_ - offset);
  if (max_length == 0) return {};
  Extent run = extent_in_cluster(offset);
  while (run.length < max_length) {
    const Extent next = extent_in_cluster(offset + run.length);
    const bool joins =
        next.kind == run.kind && next.delta == run.delta &&
        (next.kind != ExtentKind::data || next.file_offset == run.file_offset + run.length);
    if (!joins) break;
    run.length += next.length;
  }
  run.length = std::min(run.length, max_length);
  return run;
}

int Disk::read(uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) return EINVAL;
  while (!out.empty()) {
    const Extent extent = extent_at(offset, out.size());
    const auto piece = out.first(extent.length);
    switch (extent.kind) {
      case ExtentKind::zero:
        std::memset(piece.data(), 0, piece.size());
        break;
      case ExtentKind::data:
        if (int error = deltas_[extent.delta].file().read(extent.file_offset, piece); error != 0) {
          return error;
        }
        break;
      case ExtentKind::unreadable:
        return EIO;
    }
    offset += extent.length;
    out = out.subspan(extent.length);
  }
  return 0;
}

}  // namespace ploopu
