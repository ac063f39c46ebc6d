// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ploopu {
namespace {

class MemorySink final : public DataSink {
 public:
  explicit MemorySink(std::span<std::byte> out) : out_(out) {}

  int add_zeros(uint64_t length) override {
    const auto piece = next(length);
    std::memset(piece.data(), 0, piece.size());
    return 0;
  }
  int add_data(const ImageFile& file, uint64_t offset, uint64_t length) override {
    return file.read(offset, next(length));
  }

 private:
  std::span<std::byte> next(uint64_t length) {
    const auto piece = out_.first(length);
    out_ = out_.subspan(length);
    return piece;
  }

  std::span<std::byte> out_;
};

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
  disk.pieces_.resize((top.disk_clusters() + kPieceClusters - 1) / kPieceClusters);
  for (uint32_t i = 0; i < disk.deltas_.size(); ++i) PLOOPU_CHECK(disk.overlay(i));
  disk.count_allocated();
  return disk;
}

void Disk::count_allocated() {
  const Delta& base = deltas_.front();
  uint64_t raw_clusters = 0;  // all of a raw base's are there
  if (base.is_raw()) {
    usage_.front().allocated = base.disk_clusters();
    raw_clusters = std::min(base.disk_clusters(), clusters_total());
  }
  clusters_allocated_ = raw_clusters;
  for (uint64_t first = 0; first < clusters_total(); first += kPieceClusters) {
    const Piece* piece = piece_of(first);
    if (piece == nullptr) continue;
    for (uint64_t i = 0; i < kPieceClusters; ++i) {
      if ((*piece)[i].owner != kNobody && first + i >= raw_clusters) ++clusters_allocated_;
    }
  }
}

Disk::Slot& Disk::slot_to_fill(uint64_t cluster) {
  auto& piece = pieces_[cluster / kPieceClusters];
  if (!piece) piece = std::make_unique<Piece>();
  return (*piece)[cluster % kPieceClusters];
}

// Lays delta `index` over what is below it. An entry of 0 leaves the lower delta's cluster visible.
Result<void> Disk::overlay(uint32_t index) {
  const Delta& delta = deltas_[index];
  DeltaUsage& usage = usage_[index];
  const uint64_t data_start = delta.data_start();
  const uint64_t data_limit = delta.file_size();
  const uint64_t unit = delta.entry_unit();
  const uint64_t total = clusters_total();
  // Clusters that are whole, both here and on the disk: all but one of millions.
  const uint64_t whole = std::min(delta.disk_size(), size_) / cluster_size_;
  auto place_entry = [&](uint64_t cluster, uint32_t entry) {
    const uint64_t start = entry * unit;
    // Of a disk's last cluster, only what belongs to the disk must be there.
    const uint64_t valid =
        cluster < whole ? cluster_size_
                        : std::min(cluster_size_, delta.disk_size() - cluster * cluster_size_);
    ++usage.allocated;
    if (start < data_start || start + valid > data_limit) ++usage.damaged;
    if (cluster < whole && splits_.empty()) {
      slot_to_fill(cluster) = {entry, index + 1};
    } else if (cluster < total) {
      place(cluster, {{entry, index + 1}, valid});
    }
  };
  return delta.for_each_entry(place_entry);
}

void Disk::place(uint64_t cluster, Layer layer) {
  Slot& slot = slot_to_fill(cluster);
  const uint64_t disk_bytes = std::min(cluster_size_, size_ - cluster * cluster_size_);
  if (layer.valid >= disk_bytes) {
    if (!splits_.empty()) splits_.erase(cluster);
    slot = layer.slot;
    return;
  }
  auto& layers = splits_[cluster];
  if (slot.owner != kNobody && slot.owner != kSplit) layers.push_back({slot, cluster_size_});
  layers.push_back(layer);
  slot.owner = kSplit;
}

// What a raw base has there, else zeros.
Extent Disk::extent_below_tables(uint64_t offset, uint64_t length) const {
  const Delta& base = deltas_.front();
  if (!base.is_raw() || offset >= base.file_size()) return {length, ExtentKind::zero, 0, 0};
  return {std::min(length, base.file_size() - offset), ExtentKind::data, 0, offset};
}

Extent Disk::extent_of(Slot slot, uint64_t offset, uint64_t length) const {
  if (slot.owner == kNobody) return extent_below_tables(offset, length);
  const uint32_t index = slot.owner - 1;
  const Delta& delta = deltas_[index];
  // At most 2^32 * 64 MiB = 2^58: no overflow.
  const uint64_t start = slot.entry * delta.entry_unit();
  const uint64_t position = start + offset % cluster_size_;
  if (start < delta.data_start() || position >= delta.file_size()) {
    return {length, ExtentKind::unreadable, index, 0};
  }
  return {std::min(length, delta.file_size() - position), ExtentKind::data, index, position};
}

// The extent at `offset`, ending at the latest where its cluster ends or, where no table has an
// entry, its piece.
Extent Disk::extent_in_cluster(uint64_t offset) const {
  const uint64_t cluster = offset / cluster_size_;
  const Piece* piece = piece_of(cluster);
  if (piece == nullptr) {
    const uint64_t piece_end = (cluster / kPieceClusters + 1) * kPieceClusters * cluster_size_;
    return extent_below_tables(offset, std::min(piece_end, size_) - offset);
  }
  const uint64_t within = offset % cluster_size_;
  const uint64_t length = std::min(cluster_size_ - within, size_ - offset);
  const Slot slot = (*piece)[cluster % kPieceClusters];
  if (slot.owner != kSplit) return extent_of(slot, offset, length);
  const auto& layers = splits_.at(cluster);
  const auto top = std::find_if(layers.rbegin(), layers.rend(),
                                [&](const Layer& layer) { return layer.valid > within; });
  if (top == layers.rend()) return extent_below_tables(offset, length);
  return extent_of(top->slot, offset, std::min(length, top->valid - within));
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
  MemorySink sink(out);
  return deliver(offset, out.size(), sink);
}

int Disk::deliver(uint64_t offset, uint64_t length, DataSink& sink) const {
  if (offset > size_ || length > size_ - offset) return EINVAL;
  while (length > 0) {
    const Extent extent = extent_at(offset, length);
    int error = EIO;
    if (extent.kind == ExtentKind::zero) error = sink.add_zeros(extent.length);
    if (extent.kind == ExtentKind::data) {
      error = sink.add_data(deltas_[extent.delta].file(), extent.file_offset, extent.length);
    }
    if (error != 0) return error;
    offset += extent.length;
    length -= extent.length;
  }
  return 0;
}

}  // namespace ploopu
