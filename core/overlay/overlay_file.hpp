// SPDX-License-Identifier: GPL-2.0-or-later
// The format of an overlay file: a scratch file that is kept, so that the writes can be attached
// again with their image. All integers are little-endian.
//
//     0         header of 4096 bytes
//                 0 "ploopu overlay", then two 0    16 u32 version, 1     20 u32 flags, 1: changed
//                24 u64 size of the disk            32 u64 where the data begins
//                40 SHA-256 of what the image is    72 u16 length of its path    128 the path
//     4096      a byte for each piece of 32,768 sectors: 0 in the image, 1 in this file, 2 zeros,
//               3 mixed; rounded up to 4096
//     then      8192 bytes for each piece, used by mixed pieces: for each 64 sectors 8 bytes with
//               a bit for each sector in this file, then 8 bytes with a bit for each sector of
//               zeros, so that a disk writes both or none; rounded up to 1 MiB
//     then      the data, every byte at its offset on the disk
//
// A crash of the host leaves the state of the last save(), as with a disk that has a cache: data
// reaches the disk before the bit of its sector, and bits before the byte of their piece.
//
//     PLOOPU_TRY(const auto file, OverlayFile::create(scratch, name, describe_base(image)));
//     Overlay overlay(image.disk, scratch, states, limit, &file);
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

// The identity of an image in a certain state, to which an overlay file belongs.
struct OverlayBase {
  uint64_t disk_size = 0;  // bytes
  // SHA-256 of the size, the mtime and the first 4 KiB of each file of the chain, and of the first
  // 2 MiB of the disk, in which a mount leaves traces. Names don't count: an image may be moved.
  std::array<std::byte, 32> digest{};
  std::string image;  // the path, for messages only
};

[[nodiscard]] OverlayBase describe_base(const Image& image);

// The header and the tables of an overlay file. Const methods are thread-safe.
class OverlayFile {
 public:
  // Bytes of the overlay file for a disk of `disk_size` bytes.
  [[nodiscard]] static uint64_t size_for(uint64_t disk_size);

  // Writes the header. `file` has size_for() bytes, all of them a hole.
  [[nodiscard]] static Result<OverlayFile> create(const ScratchFile& file, const std::string& name,
                                                  const OverlayBase& base);

  // Reads the header. ErrorKind::refused for a file of another image or of another state of the
  // image, ErrorKind::damaged for a faulty file. `name` is the file's path, for messages.
  [[nodiscard]] static Result<OverlayFile> open(const ImageFile& file, const std::string& name,
                                                const OverlayBase& base);

  // True when changes may be missing, because the host or the server ended before it saved them.
  [[nodiscard]] static Result<bool> was_cut_short(const ImageFile& file, const std::string& name);
  [[nodiscard]] bool was_cut_short() const { return was_changed_; }

  // Reads the states of all pieces into `states`, which is for a disk of the same size and has all
  // sectors below.
  [[nodiscard]] Result<void> load(const ImageFile& file, const std::string& name,
                                  SectorStates& states) const;

  // Bytes from the start of the file to disk byte 0.
  [[nodiscard]] uint64_t data_start() const;

  // The four methods that write return 0 or an errno value. From mark_changed() to mark_closed()
  // the file counts as cut short.
  [[nodiscard]] int mark_changed(const ScratchFile& file) const;
  [[nodiscard]] int mark_closed(const ScratchFile& file) const;
  // Reserves room for the states of a piece, so that save() never fails for lack of room.
  [[nodiscard]] int reserve(const ScratchFile& file, uint64_t piece) const;
  // Saves the data of all earlier writes, then the states of the `changed` pieces.
  [[nodiscard]] int save(const ScratchFile& file, const std::vector<PieceStates>& changed) const;

 private:
  explicit OverlayFile(OverlayBase base) : base_(std::move(base)) {}
  [[nodiscard]] uint64_t bits_start() const;
  [[nodiscard]] int write_header(const ScratchFile& file, uint32_t flags) const;

  OverlayBase base_;
  bool was_changed_ = false;
};

}  // namespace ploopu
