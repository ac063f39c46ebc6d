// SPDX-License-Identifier: GPL-2.0-or-later
// Where the content of each sector of an overlay is. All of it lies in one block of memory that the
// caller gives, so that it can be shared with a process that goes on where another one died.
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

// The sectors of one stretch of the disk. Most are all in one state.
enum class PieceForm : uint8_t { below, written, zero, mixed };

struct PieceStates {
  uint64_t number = 0;
  PieceForm form = PieceForm::below;
  bool form_changed = false;
  // Of a mixed one only: for each 64 sectors a word with a bit for each that is written, then one
  // with a bit for each that is zero.
  std::vector<uint64_t> bits;
};

// Sectors are counted from the start of the disk; `end` is the first one that isn't meant any more.
// Not thread-safe. A process may be killed inside of any call: a sector that was to change has then
// its old state or its new one.
class SectorStates {
 public:
  struct Run {
    SectorState state = SectorState::below;
    uint64_t sectors = 0;
  };
  static constexpr size_t kPieceWords = kSectorsPerPiece / 64 * 2;  // of `bits`

  [[nodiscard]] static uint64_t pieces_of(uint64_t sectors) {
    return (sectors + kSectorsPerPiece - 1) / kSectorsPerPiece;
  }
  // Bytes. Those of which nothing was ever changed are never touched.
  [[nodiscard]] static size_t memory_size(uint64_t sectors);

  // `memory` has memory_size() bytes, all 0 in the beginning, is aligned to 8 and outlives this.
  SectorStates(uint64_t sectors, std::span<std::byte> memory);

  [[nodiscard]] uint64_t sectors() const { return sectors_; }
  [[nodiscard]] uint64_t pieces() const { return forms_.size(); }
  [[nodiscard]] PieceForm form(uint64_t piece) const { return forms_[piece]; }

  // The longest run at `first` that is in one state, at most `max` sectors. max > 0.
  [[nodiscard]] Run run_at(uint64_t first, uint64_t max) const;
  [[nodiscard]] uint64_t count_written(uint64_t first, uint64_t end) const;
  void set(uint64_t first, uint64_t end, SectorState state);

  // Copies of at most `max` pieces, from `piece` on, that were changed and not saved since, and
  // sets `piece` behind the last one. Throws std::bad_alloc, and then nothing is taken.
  [[nodiscard]] std::vector<PieceStates> take_changed(uint64_t& piece, size_t max);
  // Until this is called they are taken again: whoever took them may have been killed.
  void note_saved(const std::vector<PieceStates>& taken);
  // Something may not have been saved, and never will be.
  void note_loss() { *loss_ = 1; }
  [[nodiscard]] bool has_loss() const { return *loss_ != 0; }
  // Sets a piece without taking it for changed.
  void load(uint64_t piece, PieceForm form, std::span<const uint64_t> bits);

 private:
  [[nodiscard]] std::span<uint64_t> bits_of(uint64_t piece) const {
    return bits_.subspan(piece * kPieceWords, kPieceWords);
  }
  // Of these sectors of one piece.
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
