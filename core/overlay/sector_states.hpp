// SPDX-License-Identifier: GPL-2.0-or-later
// The state of each sector of an overlay: which file has its content. The states lie in a block of
// memory that the caller gives, so that a process which replaces a dead one goes on with them.
//
//     SectorStates states(sectors, memory);  // SectorStates::memory_size(sectors) bytes
//     states.set(8, 16, SectorState::written);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ploopu {

inline constexpr uint64_t kSectorsPerPiece = 32768;

enum class SectorState : uint8_t {
  below,    // in the image
  written,  // in the scratch file
  zero,     // nowhere: it reads as zeros
};

// The form of a piece, which is kSectorsPerPiece sectors of the disk. A piece is mixed if its
// sectors are not all in one state.
enum class PieceForm : uint8_t { below, written, zero, mixed };

struct PieceStates {
  uint64_t number = 0;
  PieceForm form = PieceForm::below;
  bool form_changed = false;
  // Bits of a mixed piece: for each 64 sectors a word with a bit for each written sector, then a
  // word with a bit for each zero sector. Empty for other pieces.
  std::vector<uint64_t> bits;
};

// Sectors are counted from the start of the disk; `end` is the sector after the last one meant. If
// the process is killed inside a call, each sector has either its old state or its new state.
class SectorStates {
 public:
  struct Run {
    SectorState state = SectorState::below;
    uint64_t sectors = 0;
  };
  static constexpr size_t kPieceWords = kSectorsPerPiece / 64 * 2;  // length of PieceStates::bits

  [[nodiscard]] static uint64_t pieces_of(uint64_t sectors) {
    return (sectors + kSectorsPerPiece - 1) / kSectorsPerPiece;
  }
  // Bytes of memory for a disk of `sectors`. Memory of pieces that never change isn't touched.
  [[nodiscard]] static size_t memory_size(uint64_t sectors);

  // `memory` has memory_size() bytes, all 0 for a new overlay, is aligned to 8 and outlives this
  // object.
  SectorStates(uint64_t sectors, std::span<std::byte> memory);

  [[nodiscard]] uint64_t sectors() const { return sectors_; }
  [[nodiscard]] uint64_t pieces() const { return forms_.size(); }
  [[nodiscard]] PieceForm form(uint64_t piece) const { return forms_[piece]; }

  // The longest run at `first` that is in one state, at most `max` sectors. max > 0.
  [[nodiscard]] Run run_at(uint64_t first, uint64_t max) const;
  [[nodiscard]] uint64_t count_written(uint64_t first, uint64_t end) const;
  void set(uint64_t first, uint64_t end, SectorState state);

  // Copies at most `max` pieces, from `piece` on, that were changed and not saved since, and sets
  // `piece` after the last copied piece. Throws std::bad_alloc, and then nothing is taken.
  [[nodiscard]] std::vector<PieceStates> take_changed(uint64_t& piece, size_t max);
  // Tells that the pieces of take_changed() were saved. Without this call they are taken again: the
  // process that took them may have been killed.
  void note_saved(const std::vector<PieceStates>& taken);
  // Remembers that some change may not have been saved, and never will be.
  void note_loss() { *loss_ = 1; }
  [[nodiscard]] bool has_loss() const { return *loss_ != 0; }
  // Sets a piece without marking it as changed.
  void load(uint64_t piece, PieceForm form, std::span<const uint64_t> bits);

 private:
  [[nodiscard]] std::span<uint64_t> bits_of(uint64_t piece) const {
    return bits_.subspan(piece * kPieceWords, kPieceWords);
  }
  // The run at a sector of a piece; `sector` is counted from the start of the piece.
  [[nodiscard]] Run look_at(uint64_t piece, uint64_t sector) const;
  [[nodiscard]] uint64_t count_in_piece(uint64_t piece, uint64_t first, uint64_t end) const;
  void set_in_piece(uint64_t piece, uint64_t first, uint64_t end, SectorState state);
  void change_form(uint64_t piece, PieceForm form);

  uint64_t sectors_;
  std::span<PieceForm> forms_;
  std::span<uint8_t> changes_;
  uint64_t* loss_;
  std::span<uint64_t> bits_;
};

}  // namespace ploopu
