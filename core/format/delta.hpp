// SPDX-License-Identifier: GPL-2.0-or-later
// One file of a disk: a ploop file, or the raw file that can be the base of a chain.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/base/result.hpp"
#include "core/files/file_system.hpp"
#include "core/format/ploop_header.hpp"

namespace ploopu {

enum class DeltaFormat { ploop, raw };

// Where a file is opened but nothing in it has been believed yet.
struct DeltaFile {
  std::shared_ptr<const ImageFile> file;
  DeltaFormat format = DeltaFormat::ploop;
  std::string name;              // path, for messages
  uint32_t cluster_sectors = 0;  // raw only: the cluster size of its chain
};

// A delta without its file, for another process that gets the file as well.
struct DeltaParts {
  std::string name;
  DeltaFormat format = DeltaFormat::ploop;
  uint32_t cluster_sectors = 0;
  std::string header;  // as it was read; empty for a raw file
};

template <class Codec>
void fields(Codec& codec, DeltaParts& parts) {
  codec(parts.name, parts.cluster_sectors, parts.header);
  codec.enumeration(parts.format, DeltaFormat::raw);
}

// A delta whose header has been checked. Its table stays on disk; see for_each_piece.
class Delta {
 public:
  [[nodiscard]] static Result<Delta> open(DeltaFile source);

  // The same delta in another process: its header is not read again.
  [[nodiscard]] DeltaParts parts() const;
  [[nodiscard]] static Result<Delta> from_parts(std::shared_ptr<const ImageFile> file,
                                                const DeltaParts& parts);

  // Reads the header once more: ErrorKind::busy when it isn't as it was. For after the table was
  // read, which must be of the same state. Nothing is taken from what is read now.
  [[nodiscard]] Result<void> check_unchanged() const;

  [[nodiscard]] const ImageFile& file() const { return *source_.file; }
  [[nodiscard]] const std::shared_ptr<const ImageFile>& shared_file() const { return source_.file; }
  [[nodiscard]] const std::string& name() const { return source_.name; }
  [[nodiscard]] DeltaFormat format() const { return source_.format; }
  [[nodiscard]] bool is_raw() const { return source_.format == DeltaFormat::raw; }

  // All zero for a raw file.
  [[nodiscard]] const PloopHeader& header() const { return header_; }
  // 1 or 2; 0 for a raw file.
  [[nodiscard]] int version() const { return header_.version; }
  [[nodiscard]] bool in_use() const { return header_.in_use(); }
  // Bytes.
  [[nodiscard]] uint64_t cluster_size() const { return header_.cluster_size(); }
  [[nodiscard]] uint64_t file_size() const { return source_.file->size(); }
  // Disk bytes that this delta can hold: a chain asks the next lower delta beyond them.
  [[nodiscard]] uint64_t disk_size() const { return disk_size_; }
  // Clusters that the disk of this delta has.
  [[nodiscard]] uint64_t disk_clusters() const;
  // File bytes that one unit of an entry stands for (not of a raw file), and the first byte that
  // can be data.
  [[nodiscard]] uint64_t entry_unit() const { return header_.entry_unit(); }
  [[nodiscard]] uint64_t data_start() const { return is_raw() ? 0 : header_.bat_end(); }
  // Entries that the header announces but the disk lacks or needs; both are legal
  // (docs/FORMAT.md#entry-count).
  [[nodiscard]] uint32_t bat_entries() const { return header_.bat_entries; }
  // Entries that count: those that are both in the table and on the disk. A raw file has none.
  [[nodiscard]] uint64_t entries() const;

  // Entries from index `first` on. `first` is a multiple of kPieceEntries, and only the table's
  // last piece may have fewer of them.
  static constexpr uint64_t kPieceEntries = 1024;
  using VisitPiece = std::function<void(uint64_t first, std::span<const uint32_t> entries)>;

  // Calls `visit` for every piece that has an entry, in ascending order. A raw file has no table:
  // nothing is visited.
  [[nodiscard]] Result<void> for_each_piece(const VisitPiece& visit) const;

  // Calls `visit(cluster index, entry)` for every allocated cluster in ascending order.
  template <class Visit>
  [[nodiscard]] Result<void> for_each_entry(Visit visit) const {
    return for_each_piece([&](uint64_t first, std::span<const uint32_t> entries) {
      for (size_t i = 0; i < entries.size(); ++i) {
        if (entries[i] != 0) visit(first + i, entries[i]);
      }
    });
  }

 private:
  Delta() = default;
  [[nodiscard]] Result<void> check_raw();
  [[nodiscard]] Result<void> check_header();

  DeltaFile source_;
  std::array<std::byte, kPloopHeaderSize> header_bytes_ = {};
  PloopHeader header_;
  uint64_t disk_size_ = 0;
};

}  // namespace ploopu
