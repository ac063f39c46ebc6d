// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/disk.hpp"

#include <algorithm>
#include <memory_resource>
#include <utility>

#include "core/disk/table_answer.hpp"

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
      return fail(ErrorKind::damaged,
                  "{}: m_Sectors says clusters of {} sectors, but {} says {}: all deltas of a "
                  "chain need one size",
                  delta.name(), delta.cluster_size() / kSectorSize, top.name(),
                  top.cluster_size() / kSectorSize);
    }
    if (!delta.is_raw() && !top.is_raw() && delta.version() != top.version()) {
      return fail(ErrorKind::damaged,
                  "{}: is ploop v{}, but {} is v{}: all deltas of a chain need one version",
                  delta.name(), delta.version(), top.name(), top.version());
    }
  }
  return {};
}

// Bytes from the start of the shared memory to the end of its last table. The result has no meaning
// for an unsound answer, which adopt_tables() refuses afterwards.
size_t end_of_tables(const TableAnswer& answer) {
  constexpr uint64_t kPieceBytes = Delta::kPieceEntries * sizeof(uint32_t);
  uint64_t end = 0;
  for (const auto& piece : answer.pieces) end = std::max({end, piece.entries_at, piece.owners_at});
  // A place is an offset plus one, so this is one byte more than needed.
  return static_cast<size_t>(std::min<uint64_t>(end, Disk::kMaxTableMemory)) + kPieceBytes;
}

}  // namespace

Result<Disk> Disk::prepare(std::vector<Delta> base_first) {
  PLOOPU_CHECK(check_chain(base_first));
  Disk disk;
  disk.deltas_ = std::move(base_first);
  for (const auto& delta : disk.deltas_) disk.files_.push_back(&delta.file());
  const Delta& top = disk.deltas_.back();
  disk.size_ = top.disk_size();
  disk.cluster_size_ = top.cluster_size();
  // A disk is a whole number of sectors: the rest of a raw file's last sector reads as zeros.
  if (top.is_raw()) disk.size_ = (disk.size_ + kSectorSize - 1) / kSectorSize * kSectorSize;
  disk.usage_.resize(disk.deltas_.size());
  disk.pieces_.resize((top.disk_clusters() + kPieceClusters - 1) / kPieceClusters);
  if (const Delta& base = disk.deltas_.front(); base.is_raw()) {
    disk.usage_.front().allocated = base.disk_clusters();
    disk.raw_clusters_ = std::min(base.disk_clusters(), disk.clusters_total());
    disk.clusters_allocated_ = disk.raw_clusters_;
  }
  return disk;
}

Result<Disk> Disk::assemble(std::vector<Delta> base_first, std::span<std::byte> memory) {
  PLOOPU_TRY(auto disk, prepare(std::move(base_first)));
  disk.table_memory_ = memory.empty()
                           ? std::make_unique<std::pmr::monotonic_buffer_resource>()
                           : std::make_unique<std::pmr::monotonic_buffer_resource>(
                                 memory.data(), memory.size(), std::pmr::null_memory_resource());
  PLOOPU_CHECK(disk.read_tables());
  return disk;
}

Result<Disk> Disk::adopt(std::vector<Delta> base_first, const TableAnswer& answer,
                         std::unique_ptr<CommonMemory> memory) {
  PLOOPU_TRY(auto disk, prepare(std::move(base_first)));
  disk.common_memory_ = std::move(memory);
  PLOOPU_CHECK(disk.common_memory_->make_own(end_of_tables(answer)));
  if (disk.adopt_tables(answer, disk.common_memory_->bytes())) return disk;
  return fail(ErrorKind::damaged,
              "{}: the process that read its table sent an invalid reply: refused", disk.name());
}

Result<void> Disk::read_tables() {
  for (uint32_t i = 0; i < deltas_.size(); ++i) PLOOPU_CHECK(apply_delta(i));
  return {};
}

TableAnswer Disk::describe_tables(std::span<const std::byte> memory) const {
  const auto place = [&](const uint32_t* numbers) -> uint64_t {
    if (numbers == nullptr) return 0;
    return 1 + static_cast<uint64_t>(std::as_bytes(std::span(numbers, 1)).data() - memory.data());
  };
  TableAnswer answer;
  for (const auto& piece : pieces_) {
    answer.pieces.push_back({place(piece.entries), place(piece.owners), piece.owner});
  }
  for (const auto& usage : usage_) answer.usage.push_back({usage.allocated, usage.damaged});
  for (const auto& [cluster, layers] : splits_) {
    for (const auto& layer : layers) {
      answer.splits.push_back({cluster, layer.slot.entry, layer.slot.owner, layer.valid});
    }
  }
  answer.clusters_allocated = clusters_allocated_;
  return answer;
}

// Returns false for an answer that describe_tables() can't have given.
bool Disk::adopt_tables(const TableAnswer& answer, std::span<std::byte> memory) {
  if (answer.pieces.size() != pieces_.size() || answer.usage.size() != usage_.size()) return false;
  bool is_inside = true;
  const auto numbers_at = [&](uint64_t place) -> uint32_t* {
    constexpr uint64_t kSize = kPieceClusters * sizeof(uint32_t);
    if (place == 0) return nullptr;
    is_inside = is_inside && place <= memory.size() && memory.size() - (place - 1) >= kSize &&
                (place - 1) % alignof(uint32_t) == 0;
    // NOLINTNEXTLINE(*-reinterpret-cast): numbers that describe_tables() has placed
    return is_inside ? reinterpret_cast<uint32_t*>(&memory[place - 1]) : nullptr;
  };
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const auto& [entries, owners, owner] = answer.pieces[i];
    pieces_[i] = {numbers_at(entries), numbers_at(owners), owner};
  }
  for (size_t i = 0; i < usage_.size(); ++i) {
    usage_[i] = {answer.usage[i].allocated, answer.usage[i].damaged};
  }
  splits_.clear();
  for (const auto& [cluster, entry, owner, valid] : answer.splits) {
    const Slot slot = {entry, owner};
    if (slot.owner == kSplit || !is_sound(cluster, slot)) return false;
    splits_[cluster].push_back({slot, valid});
  }
  clusters_allocated_ = answer.clusters_allocated;
  return is_inside && are_pieces_sound();
}

bool Disk::are_pieces_sound() const {
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    if (piece.entries == nullptr) continue;
    // Most of a large disk consists of pieces with one owner, which need a single check.
    const bool is_uniform = piece.owners == nullptr && piece.owner != kSplit;
    if (is_uniform && !is_sound(0, {1, piece.owner})) return false;
    for (size_t k = 0; !is_uniform && k < kPieceClusters; ++k) {
      if (!is_sound(i * kPieceClusters + k, piece.slot(k))) return false;
    }
  }
  return true;
}

// Whether a lookup of a cluster with this slot stays within splits_ and deltas_.
bool Disk::is_sound(uint64_t cluster, Slot slot) const {
  if (slot.owner == kSplit) return splits_.contains(cluster);
  return slot.owner == kNobody ||
         (slot.owner <= deltas_.size() && !deltas_[slot.owner - 1].is_raw());
}

void Disk::set_slot(uint64_t cluster, Slot slot) {
  Piece& piece = pieces_[cluster / kPieceClusters];
  if (piece.entries == nullptr) {
    piece.entries = take_table_memory();
    std::fill_n(piece.entries, kPieceClusters, 0);
    piece.owner = slot.owner;
  }
  if (piece.owners == nullptr && slot.owner != piece.owner) {
    piece.owners = take_table_memory();
    std::fill_n(piece.owners, kPieceClusters, piece.owner);
  }
  const size_t i = cluster % kPieceClusters;
  if (piece.entries[i] == 0 && cluster >= raw_clusters_) ++clusters_allocated_;
  piece.entries[i] = slot.entry;
  if (piece.owners != nullptr) piece.owners[i] = slot.owner;
}

// Lays delta `index` over the deltas below. An entry of 0 leaves the lower delta's cluster visible.
Result<void> Disk::apply_delta(uint32_t index) {
  return deltas_[index].for_each_piece([&](uint64_t first, std::span<const uint32_t> entries) {
    if (fill_fresh_piece(index, first, entries)) return;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (entries[i] != 0) set_entry(index, first + i, entries[i]);
    }
  });
}

// Fills a piece of whole clusters with nothing below it, as nearly all pieces of a large disk are,
// in a loop that the compiler vectorises. Returns false and changes nothing where the clusters need
// set_entry() one by one.
bool Disk::fill_fresh_piece(uint32_t index, uint64_t first, std::span<const uint32_t> entries) {
  const Delta& delta = deltas_[index];
  const uint64_t whole = std::min(delta.disk_size(), size_) / cluster_size_;
  if (entries.size() != kPieceClusters || first + kPieceClusters > whole || first < raw_clusters_ ||
      !splits_.empty() || piece_of(first).entries != nullptr) {
    return false;
  }
  // A cluster whose entry is from low to high is wholly inside the data area.
  const uint64_t unit = delta.entry_unit();
  const uint64_t low = (delta.data_start() + unit - 1) / unit;
  if (delta.file_size() < low * unit + cluster_size_ || low > UINT32_MAX) return false;
  const auto high = static_cast<uint32_t>(
      std::min<uint64_t>((delta.file_size() - cluster_size_) / unit, UINT32_MAX));
  uint32_t* const copy = take_table_memory();
  std::copy_n(entries.data(), kPieceClusters, copy);
  pieces_[first / kPieceClusters] = {copy, nullptr, index + 1};
  const auto floor = static_cast<uint32_t>(low);
  uint32_t allocated = 0;
  uint32_t damaged = 0;
  for (size_t i = 0; i < kPieceClusters; ++i) {
    const uint32_t entry = copy[i];
    allocated += static_cast<uint32_t>(entry != 0);
    damaged +=
        static_cast<uint32_t>(entry != 0) & static_cast<uint32_t>(entry - floor > high - floor);
  }
  usage_[index].allocated += allocated;
  usage_[index].damaged += damaged;
  clusters_allocated_ += allocated;
  return true;
}

void Disk::set_entry(uint32_t index, uint64_t cluster, uint32_t entry) {
  const Delta& delta = deltas_[index];
  DeltaUsage& usage = usage_[index];
  const uint64_t start = entry * delta.entry_unit();
  // The file may lack the part of the last cluster that is past the end of the disk.
  const uint64_t valid = std::min(cluster_size_, delta.disk_size() - cluster * cluster_size_);
  ++usage.allocated;
  if (start < delta.data_start() || start + valid > delta.file_size()) ++usage.damaged;
  if (cluster < clusters_total()) set_layer(cluster, {{entry, index + 1}, valid});
}

void Disk::set_layer(uint64_t cluster, Layer layer) {
  const uint64_t disk_bytes = std::min(cluster_size_, size_ - cluster * cluster_size_);
  if (layer.valid >= disk_bytes) {
    if (!splits_.empty()) splits_.erase(cluster);
    set_slot(cluster, layer.slot);
    return;
  }
  const Slot below = slot(cluster);
  auto& layers = splits_[cluster];
  if (below.owner != kNobody && below.owner != kSplit) layers.push_back({below, cluster_size_});
  layers.push_back(layer);
  set_slot(cluster, {layer.slot.entry, kSplit});
}

// The extent of a range that no table has an entry for: data of a raw base, or zeros.
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

// The extent at `offset`. It ends at the end of the cluster or earlier; where no table has an entry
// in the whole piece, at the end of the piece or earlier.
Extent Disk::extent_in_cluster(uint64_t offset) const {
  const uint64_t cluster = offset / cluster_size_;
  const Piece& piece = piece_of(cluster);
  if (piece.entries == nullptr) {
    const uint64_t piece_end = (cluster / kPieceClusters + 1) * kPieceClusters * cluster_size_;
    return extent_below_tables(offset, std::min(piece_end, size_) - offset);
  }
  const uint64_t within = offset % cluster_size_;
  const uint64_t length = std::min(cluster_size_ - within, size_ - offset);
  const Slot slot = piece.slot(cluster % kPieceClusters);
  if (slot.owner != kSplit) return extent_of(slot, offset, length);
  const auto& layers = splits_.at(cluster);
  const auto top = std::find_if(layers.rbegin(), layers.rend(),
                                [&](const Layer& layer) { return layer.valid > within; });
  if (top == layers.rend()) return extent_below_tables(offset, length);
  return extent_of(top->slot, offset, std::min(length, top->valid - within));
}

void Disk::hold(std::unique_ptr<ImageFile> memory, std::vector<HeldRange> ranges) {
  held_memory_ = std::move(memory);
  held_ = std::move(ranges);
  files_.push_back(held_memory_.get());
}

Extent Disk::extent_at(uint64_t offset, uint64_t max_length) const {
  max_length = std::min(max_length, size_ - offset);
  if (max_length == 0) return {};
  const auto held = std::upper_bound(
      held_.begin(), held_.end(), offset,
      [](uint64_t at, const HeldRange& range) { return at < range.start + range.length; });
  if (held != held_.end()) {
    if (held->start <= offset) {
      const uint64_t skipped = offset - held->start;
      return {std::min(max_length, held->length - skipped), ExtentKind::data,
              static_cast<uint32_t>(deltas_.size()), held->file_offset + skipped};
    }
    max_length = std::min(max_length, held->start - offset);
  }
  Extent run = extent_in_cluster(offset);
  while (run.length < max_length) {
    const Extent next = extent_in_cluster(offset + run.length);
    const bool joins =
        next.kind == run.kind && next.file == run.file &&
        (next.kind != ExtentKind::data || next.file_offset == run.file_offset + run.length);
    if (!joins) break;
    run.length += next.length;
  }
  run.length = std::min(run.length, max_length);
  return run;
}

}  // namespace ploopu
