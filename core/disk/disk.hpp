// SPDX-License-Identifier: GPL-2.0-or-later
// The disk that a chain of deltas makes. Here is the one answer to "where is disk offset o?".
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/confine/confinement.hpp"
#include "core/disk/disk_view.hpp"
#include "core/format/delta.hpp"

namespace ploopu {

struct TableAnswer;

// Bytes of the disk that are served from a file in memory, not from the deltas.
struct HeldRange {
  uint64_t start = 0;        // disk byte
  uint64_t length = 0;       // bytes, not 0
  uint64_t file_offset = 0;  // bytes from the start of the file in memory
};

// What one delta contributes.
struct DeltaUsage {
  uint64_t allocated = 0;  // clusters with an entry
  uint64_t damaged = 0;    // of these, not wholly inside the data area of the file
};

// Immutable after assemble(), so any number of threads may read. Memory: at most 8 bytes a
// cluster; 4 where all of a piece comes from one delta; none for pieces that no table mentions.
class Disk final : public DiskView {
 public:
  // `base_first` is not empty. All deltas have the same cluster size and all but the first are
  // ploop files of one version; otherwise ErrorKind::damaged. The last one, the top, gives the
  // size. The tables are read into `memory`, which outlives the disk; without it, into memory of
  // the default resource of std::pmr.
  [[nodiscard]] static Result<Disk> assemble(std::vector<Delta> base_first,
                                             std::span<std::byte> memory = {});

  // For tables that another process reads: as much memory as the largest disk can need. The process
  // assembles the disk in that memory and describes the tables; the caller adopts the description
  // for the same deltas. Nothing that the description says is believed: ErrorKind::damaged for one
  // that would make lookups leave what there is.
  static constexpr size_t kMaxTableMemory = kMaxClusters * 2 * sizeof(uint32_t);
  [[nodiscard]] TableAnswer describe_tables(std::span<const std::byte> memory) const;
  [[nodiscard]] static Result<Disk> adopt(std::vector<Delta> base_first, const TableAnswer& answer,
                                          std::unique_ptr<CommonMemory> memory);

  // From now on, `ranges` are data in `memory`, whose index in files() is deltas().size(). The
  // ranges are sorted, apart from each other and inside the disk. Called once, before other threads
  // read.
  void hold(std::unique_ptr<ImageFile> memory, std::vector<HeldRange> ranges);

  [[nodiscard]] uint64_t size() const override { return size_; }
  [[nodiscard]] uint64_t cluster_size() const { return cluster_size_; }
  [[nodiscard]] uint64_t clusters_total() const { return deltas_.back().disk_clusters(); }
  // Clusters of the disk that are in some delta.
  [[nodiscard]] uint64_t clusters_allocated() const { return clusters_allocated_; }
  [[nodiscard]] const std::vector<Delta>& deltas() const { return deltas_; }
  [[nodiscard]] const DeltaUsage& usage(size_t delta) const { return usage_[delta]; }
  // The cost doesn't depend on the number of deltas.
  [[nodiscard]] Extent extent_at(uint64_t offset, uint64_t max_length) const override;
  // Of deltas(), in their order, and after them the file of hold().
  [[nodiscard]] const std::vector<const ImageFile*>& files() const override { return files_; }
  [[nodiscard]] const std::string& name() const override { return deltas_.back().name(); }

 private:
  // Which ploop file holds a cluster. `owner` is 1 + index of the delta, or one of the marks.
  struct Slot {
    uint32_t entry = 0;  // 0 where nobody does
    uint32_t owner = 0;
  };
  static constexpr uint32_t kNobody = 0;
  static constexpr uint32_t kSplit = UINT32_MAX;  // see splits_; the entry is not 0

  // A cluster in which a delta's disk ends halfway: bytes before `valid` are this delta's,
  // bytes behind it belong to what is below. Happens where a disk size is no multiple of the
  // cluster, or a raw base ends inside one.
  struct Layer {
    Slot slot;
    uint64_t valid = 0;  // bytes of the cluster
  };

  // Clusters of the disk, in pieces: a table of which only a few places are used costs little.
  static constexpr uint64_t kPieceClusters = Delta::kPieceEntries;
  struct Piece {
    [[nodiscard]] Slot slot(size_t i) const {
      if (entries[i] == 0) return {};
      return {entries[i], owners == nullptr ? owner : owners[i]};
    }

    uint32_t* entries = nullptr;  // 0: nobody's. Without memory where no table has an entry
    uint32_t* owners = nullptr;   // of each, where they are not all from
    uint32_t owner = kNobody;     // this one
  };

  Disk() = default;
  // A disk without tables.
  [[nodiscard]] static Result<Disk> prepare(std::vector<Delta> base_first);
  [[nodiscard]] Result<void> read_tables();
  [[nodiscard]] bool adopt_tables(const TableAnswer& answer, std::span<std::byte> memory);
  [[nodiscard]] bool are_pieces_sound() const;
  [[nodiscard]] bool is_sound(uint64_t cluster, Slot slot) const;
  [[nodiscard]] Result<void> apply_delta(uint32_t index);
  [[nodiscard]] bool fill_fresh_piece(uint32_t index, uint64_t first,
                                      std::span<const uint32_t> entries);
  // Room for a number of each cluster of a piece. Throws std::bad_alloc.
  [[nodiscard]] uint32_t* take_table_memory() {
    return static_cast<uint32_t*>(
        table_memory_->allocate(kPieceClusters * sizeof(uint32_t), alignof(uint32_t)));
  }
  void set_entry(uint32_t index, uint64_t cluster, uint32_t entry);
  [[nodiscard]] const Piece& piece_of(uint64_t cluster) const {
    return pieces_[cluster / kPieceClusters];
  }
  [[nodiscard]] Slot slot(uint64_t cluster) const {
    const Piece& piece = piece_of(cluster);
    return piece.entries == nullptr ? Slot{} : piece.slot(cluster % kPieceClusters);
  }
  void set_layer(uint64_t cluster, Layer layer);
  void set_slot(uint64_t cluster, Slot slot);
  [[nodiscard]] Extent extent_in_cluster(uint64_t offset) const;
  [[nodiscard]] Extent extent_of(Slot slot, uint64_t offset, uint64_t length) const;
  [[nodiscard]] Extent extent_below_tables(uint64_t offset, uint64_t length) const;

  std::vector<Delta> deltas_;
  std::vector<const ImageFile*> files_;  // of deltas_, and held_memory_
  std::unique_ptr<ImageFile> held_memory_;
  std::vector<HeldRange> held_;
  std::vector<DeltaUsage> usage_;
  std::vector<Piece> pieces_;  // by cluster / kPieceClusters
  // The memory of pieces_, which is given back all at once: one of both, depending on who read the
  // tables.
  std::unique_ptr<std::pmr::monotonic_buffer_resource> table_memory_;
  std::unique_ptr<CommonMemory> common_memory_;
  std::map<uint64_t, std::vector<Layer>> splits_;  // by cluster; base first. A few at most
  uint64_t size_ = 0;
  uint64_t cluster_size_ = 0;
  uint64_t raw_clusters_ = 0;  // all of a raw base's are there
  uint64_t clusters_allocated_ = 0;
};

}  // namespace ploopu
