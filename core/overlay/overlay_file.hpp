// SPDX-License-Identifier: GPL-2.0-or-later
// The form of a scratch file that is kept: what was written can be attached again, on the image
// that it was written on. All integers are little-endian.
//
//     0         header of 4096 bytes
//                 0 "ploopu overlay", then two 0    16 u32 version, 1     20 u32 flags, 1: changed
//                24 u64 size of the disk            32 u64 where the data begins
//                40 SHA-256 of what the image is    72 u16 length of its path    128 the path
//     4096      a byte for each piece of 32,768 sectors: 0 in the image, 1 in this file, 2 zeros,
//               3 mixed; rounded up to 4096
//     then      8192 bytes for each piece, of mixed ones: for each 64 sectors 8 bytes with a bit
//     for
//               each that is in this file, then 8 with a bit for each that is zeros and isn't, so
//               that a disk writes both or none; rounded up to 1 MiB
//     then      the data, every byte at its offset on the disk
//
// A host that crashes leaves what was there at the last save(), as a disk with a cache does: data
// is on its disk before a bit says so, and bits before the byte of their piece.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/image.hpp"
#include "core/files/scratch_file.hpp"
#include "core/overlay/sector_states.hpp"

namespace ploopu {

// Which image, in which state, something was written on.
struct OverlayBase {
  uint64_t disk_size = 0;  // bytes
  // Of the size, the time of the last change and the first 4 KiB of each file of the chain, and of
  // the first 2 MiB of the disk, in which a mount leaves its traces. Not of names: an image may be
  // moved.
  std::array<std::byte, 32> digest{};
  std::string image;  // the path, for messages only
};

[[nodiscard]] OverlayBase describe_base(const Image& image);

// Refers to the file, which outlives it. Not thread-safe, but for const methods.
class OverlayFile {
 public:
  // Bytes.
  [[nodiscard]] static uint64_t size_for(uint64_t disk_size);

  // Writes the header. The file is as large as size_for() and nothing but holes.
  [[nodiscard]] static Result<OverlayFile> create(const ScratchFile& file, const std::string& name,
                                                  const OverlayBase& base);

  // ErrorKind::refused for one of another image or of another state of it, ErrorKind::damaged where
  // it can't be read. `name` is that of the file.
  [[nodiscard]] static Result<OverlayFile> open(const ImageFile& file, const std::string& name,
                                                const OverlayBase& base);

  // Changes that were never saved may be missing: the host or the server ended before that.
  [[nodiscard]] static Result<bool> was_cut_short(const ImageFile& file, const std::string& name);
  [[nodiscard]] bool was_cut_short() const { return was_changed_; }

  // Of a disk of the same size, all of them "below".
  [[nodiscard]] Result<void> load(const ImageFile& file, const std::string& name,
                                  SectorStates& states) const;

  // Where the byte 0 of the disk is.
  [[nodiscard]] uint64_t data_start() const;

  // These return 0 or an errno value. After mark_changed() and until mark_closed() the file counts
  // as cut short.
  [[nodiscard]] int mark_changed(const ScratchFile& file) const;
  [[nodiscard]] int mark_closed(const ScratchFile& file) const;
  // So that saving the states of a piece never fails for want of room.
  [[nodiscard]] int reserve(const ScratchFile& file, uint64_t piece) const;
  // What was written before, and these states of it.
  [[nodiscard]] int save(const ScratchFile& file, const std::vector<PieceStates>& changed) const;

 private:
  explicit OverlayFile(OverlayBase base) : base_(std::move(base)) {}
  [[nodiscard]] uint64_t bits_start() const;
  [[nodiscard]] int write_header(const ScratchFile& file, uint32_t flags) const;

  OverlayBase base_;
  bool was_changed_ = false;
};

}  // namespace ploopu
