// SPDX-License-Identifier: GPL-2.0-or-later
// The disk that a chain of deltas makes. It merges the tables of all deltas into one, and answers
// from that where a byte of the disk is stored.
//
//     PLOOPU_TRY(const auto disk, Disk::assemble(std::move(deltas)));  // base first
//     const int error = disk.read(offset, buffer);                     // 0 or an errno value
//
// Memory: at most 8 bytes a cluster; 4 bytes a cluster in a piece whose clusters all come from one
// delta; none for a piece that no table mentions.
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

// Counts of the clusters of one delta.
struct DeltaUsage {
  uint64_t allocated = 0;  // clusters with an entry
  uint64_t damaged = 0;    // clusters with an entry that are not wholly in the file's data area
};

// Immutable after assemble() or adopt(), and hold(): then any number of threads may read.
class Disk final : public DiskView {
 public:
  // Reads the tables of `base_first`, which is not empty. The last delta, the top, gives the size
  // of the disk. ErrorKind::damaged unless all deltas have one cluster size, all ploop files one
  // version, and no delta after the first is raw; or the error of reading a table. The tables go
  // into `memory`, which must outlive the disk; without it, into memory of the default resource of
  // std::pmr.
  [[nodiscard]] static Result<Disk> assemble(std::vector<Delta> base_first,
                                             std::span<std::byte> memory = {});

  // Two processes can share the work: a confined process assembles the disk in shared memory and
  // describes its tables there; the caller adopts that description, for the same deltas, without
  // trusting it. ErrorKind::damaged when lookups by it could leave the tables or the deltas.
  // kMaxTableMemory is the number of bytes that the largest disk can need.
  static constexpr size_t kMaxTableMemory = kMaxClusters * 2 * sizeof(uint32_t);
  [[nodiscard]] TableAnswer describe_tables(std::span<const std::byte> memory) const;
  [[nodiscard]] static Result<Disk> adopt(std::vector<Delta> base_first, const TableAnswer& answer,
                                          std::unique_ptr<CommonMemory> memory);

  // From now on, reads of `ranges` come from `memory`, so that a kernel sees what was checked.
  // files()[deltas().size()] is `memory`. The ranges are sorted, inside the disk, and don't
  // overlap. Call hold() at most once, before other threads read.
  void hold(std::unique_ptr<ImageFile> memory, std::vector<HeldRange> ranges);

  [[nodiscard]] uint64_t size() const override { return size_; }
  [[nodiscard]] uint64_t cluster_size() const { return cluster_size_; }
  [[nodiscard]] uint64_t clusters_total() const { return deltas_.back().disk_clusters(); }
  // Number of clusters of the disk that some delta has.
  [[nodiscard]] uint64_t clusters_allocated() const { return clusters_allocated_; }
  [[nodiscard]] const std::vector<Delta>& deltas() const { return deltas_; }
  [[nodiscard]] const DeltaUsage& usage(size_t delta) const { return usage_[delta]; }
  // Takes as long for many deltas as for one.
  [[nodiscard]] Extent extent_at(uint64_t offset, uint64_t max_length) const override;
  // The files of deltas() in their order, then the file that hold() was given.
  [[nodiscard]] const std::vector<const ImageFile*>& files() const override { return files_; }
  [[nodiscard]] const std::string& name() const override { return deltas_.back().name(); }

 private:
  // The ploop file that holds a cluster, and where.
  struct Slot {
    uint32_t entry = 0;  // BAT entry of that file; 0 if no ploop file holds the cluster
    uint32_t owner = 0;  // 1 + index of the delta, kNobody or kSplit
  };
  static constexpr uint32_t kNobody = 0;
  static constexpr uint32_t kSplit = UINT32_MAX;  // splits_ has the layers; the entry is not 0

  // A delta's part of a cluster in which its disk ends: bytes before `valid` come from this delta,
  // the others from the layers below (docs/FORMAT.md#split-clusters).
  struct Layer {
    Slot slot;
    uint64_t valid = 0;  // bytes of the cluster
  };

  // The table of the disk is split into pieces, so that a sparsely used table costs little.
  static constexpr uint64_t kPieceClusters = Delta::kPieceEntries;
  struct Piece {
    [[nodiscard]] Slot slot(size_t i) const {
      if (entries[i] == 0) return {};
      return {entries[i], owners == nullptr ? owner : owners[i]};
    }

    uint32_t* entries = nullptr;  // kPieceClusters numbers; nullptr if no table has an entry here
    uint32_t* owners = nullptr;   // an owner for each entry; nullptr if all have the same one
    uint32_t owner = kNobody;     // the owner of all entries while `owners` is nullptr
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
  // Memory for kPieceClusters numbers. Throws std::bad_alloc.
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
  std::vector<const ImageFile*> files_;  // owned by deltas_ and held_memory_
  std::unique_ptr<ImageFile> held_memory_;
  std::vector<HeldRange> held_;
  std::vector<DeltaUsage> usage_;
  std::vector<Piece> pieces_;  // by cluster / kPieceClusters
  // The memory of pieces_, which is freed all at once: table_memory_ after assemble(),
  // common_memory_ after adopt().
  std::unique_ptr<std::pmr::monotonic_buffer_resource> table_memory_;
  std::unique_ptr<CommonMemory> common_memory_;
  std::map<uint64_t, std::vector<Layer>> splits_;  // by cluster; base first. Usually empty
  uint64_t size_ = 0;
  uint64_t cluster_size_ = 0;
  uint64_t raw_clusters_ = 0;  // clusters that a raw base has; 0 without one
  uint64_t clusters_allocated_ = 0;
};

}  // namespace ploopu
