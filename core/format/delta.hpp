// SPDX-License-Identifier: GPL-2.0-or-later
// A delta: a ploop file, or the raw file that can be the base of a chain.
//
//     PLOOPU_TRY(const auto delta, Delta::open({file, DeltaFormat::ploop, path}));
//     PLOOPU_CHECK(delta.for_each_entry([](uint64_t cluster, uint32_t entry) { ... }));
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

// An open file that may be a delta. Nothing in it was checked yet.
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
  std::string header;  // the header's bytes as read; empty for a raw file
};

template <class Codec>
void fields(Codec& codec, DeltaParts& parts) {
  codec(parts.name, parts.cluster_sectors, parts.header);
  codec.enumeration(parts.format, DeltaFormat::raw);
}

// A delta whose header was checked. Its table stays on disk; for_each_piece() reads it.
class Delta {
 public:
  // Reads and checks the header. ErrorKind::damaged for a faulty header or a raw file that is too
  // large, refused for a qcow2 image.
  [[nodiscard]] static Result<Delta> open(DeltaFile source);

  // Passes a delta to another process: from_parts() checks the header again, but doesn't read it.
  [[nodiscard]] DeltaParts parts() const;
  [[nodiscard]] static Result<Delta> from_parts(std::shared_ptr<const ImageFile> file,
                                                const DeltaParts& parts);

  // Reads the header again and compares it: ErrorKind::busy if it changed. Call it after the table
  // was read, to make sure that both are of one state.
  [[nodiscard]] Result<void> check_unchanged() const;

  [[nodiscard]] const ImageFile& file() const { return *source_.file; }
  [[nodiscard]] const std::shared_ptr<const ImageFile>& shared_file() const { return source_.file; }
  [[nodiscard]] const std::string& name() const { return source_.name; }
  [[nodiscard]] DeltaFormat format() const { return source_.format; }
  [[nodiscard]] bool is_raw() const { return source_.format == DeltaFormat::raw; }

  // The header. For a raw file only its cluster size is set.
  [[nodiscard]] const PloopHeader& header() const { return header_; }
  // 1 or 2; 0 for a raw file.
  [[nodiscard]] int version() const { return header_.version; }
  [[nodiscard]] bool in_use() const { return header_.in_use(); }
  // All sizes are in bytes.
  [[nodiscard]] uint64_t cluster_size() const { return header_.cluster_size(); }
  [[nodiscard]] uint64_t file_size() const { return source_.file->size(); }
  // Size of the disk that this delta describes. Bytes past that come from the delta below.
  [[nodiscard]] uint64_t disk_size() const { return disk_size_; }
  // Number of clusters of that disk; the last cluster may be a part only.
  [[nodiscard]] uint64_t disk_clusters() const;
  // File bytes that one unit of an entry stands for (meaningless for a raw file), and the first
  // file byte that can be data.
  [[nodiscard]] uint64_t entry_unit() const { return header_.entry_unit(); }
  [[nodiscard]] uint64_t data_start() const { return is_raw() ? 0 : header_.bat_end(); }
  // Number of entries that the header announces. It may differ from disk_clusters()
  // (docs/FORMAT.md#entry-count).
  [[nodiscard]] uint32_t bat_entries() const { return header_.bat_entries; }
  // Number of entries that are used: those in the table whose cluster is on the disk. 0 for a raw
  // file.
  [[nodiscard]] uint64_t entries() const;

  // Takes a piece of the table: the entries from cluster `first` on, in host byte order. `first` is
  // a multiple of kPieceEntries, and only the table's last piece may have fewer entries.
  static constexpr uint64_t kPieceEntries = 1024;
  using VisitPiece = std::function<void(uint64_t first, std::span<const uint32_t> entries)>;

  // Reads the table and calls `visit` for each piece with an entry other than 0, in ascending
  // order. A raw file has no table, so `visit` is not called.
  [[nodiscard]] Result<void> for_each_piece(const VisitPiece& visit) const;

  // Calls visit(cluster, entry) for each allocated cluster, in ascending order.
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
