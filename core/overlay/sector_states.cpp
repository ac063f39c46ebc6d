// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/overlay/sector_states.hpp"

#include <algorithm>
#include <atomic>
#include <bit>

namespace ploopu {
namespace {

constexpr uint64_t kWordSectors = 64;

// Flags of a piece in changes_: changed since the last save and, shifted by kSavingShift, being
// saved now.
constexpr uint8_t kBitsChanged = 1;
constexpr uint8_t kFormChanged = 2;
constexpr uint8_t kChanged = kBitsChanged | kFormChanged;
constexpr int kSavingShift = 2;

size_t round_up_to_word(size_t bytes) { return (bytes + 7) / 8 * 8; }

// Cuts a range at the multiples of `size`: calls visit(number, first, end), both counted from
// there.
template <class Visit>
void for_each_part(uint64_t first, uint64_t end, uint64_t size, Visit visit) {
  while (first < end) {
    const uint64_t start = first / size * size;
    const uint64_t stop = std::min(end, start + size);
    visit(first / size, first - start, stop - start);
    first = stop;
  }
}

// Calls visit(word, mask) with the bits of each word of 64.
template <class Visit>
void for_each_word(uint64_t first, uint64_t end, Visit visit) {
  for_each_part(first, end, kWordSectors, [&](uint64_t word, uint64_t from, uint64_t to) {
    const uint64_t all = ~uint64_t{0};
    visit(word, (all << from) & (all >> (kWordSectors - to)));
  });
}

// Keeps the order of stores before and after it for a process that uses the shared memory after
// this process was killed: the processor completes its stores, so only the compiler could reorder.
void keep_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

size_t SectorStates::memory_size(uint64_t sectors) {
  const uint64_t pieces = pieces_of(sectors);
  return 2 * round_up_to_word(pieces) + sizeof(uint64_t) + pieces * kPieceWords * sizeof(uint64_t);
}

SectorStates::SectorStates(uint64_t sectors, std::span<std::byte> memory)
    : sectors_(sectors), loss_(nullptr) {
  const uint64_t pieces = pieces_of(sectors);
  std::byte* at = memory.data();
  forms_ = {reinterpret_cast<PieceForm*>(at), pieces};
  at += round_up_to_word(pieces);
  changes_ = {reinterpret_cast<uint8_t*>(at), pieces};
  at += round_up_to_word(pieces);
  loss_ = reinterpret_cast<uint64_t*>(at);
  at += sizeof(uint64_t);
  bits_ = {reinterpret_cast<uint64_t*>(at), pieces * kPieceWords};
}

// A sector with both bits is a written one: see set_in_piece().
SectorStates::Run SectorStates::look_at(uint64_t piece, uint64_t sector) const {
  if (const PieceForm form = forms_[piece]; form != PieceForm::mixed) {
    return {static_cast<SectorState>(form), kSectorsPerPiece - sector};
  }
  const auto bits = bits_of(piece);
  const uint64_t word = sector / kWordSectors;
  const uint64_t written = bits[2 * word] >> sector % kWordSectors;
  const uint64_t zero = (bits[2 * word + 1] & ~bits[2 * word]) >> sector % kWordSectors;
  const auto result = [&](SectorState state, uint64_t same) {
    const auto run = static_cast<uint64_t>(std::countr_one(same));
    return Run{state, std::min(run, kWordSectors - sector % kWordSectors)};
  };
  if ((written & 1) != 0) return result(SectorState::written, written);
  if ((zero & 1) != 0) return result(SectorState::zero, zero);
  return result(SectorState::below, ~(written | zero));
}

SectorStates::Run SectorStates::run_at(uint64_t first, uint64_t max) const {
  uint64_t sector = first;
  const auto look = [&] { return look_at(sector / kSectorsPerPiece, sector % kSectorsPerPiece); };
  Run run = look();
  const SectorState state = run.state;
  while (sector += run.sectors, sector < first + max) {
    run = look();
    if (run.state != state) break;
  }
  return {state, std::min(max, sector - first)};
}

uint64_t SectorStates::count_in_piece(uint64_t piece, uint64_t first, uint64_t end) const {
  if (forms_[piece] != PieceForm::mixed) {
    return forms_[piece] == PieceForm::written ? end - first : 0;
  }
  uint64_t count = 0;
  for_each_word(first, end, [&, bits = bits_of(piece)](uint64_t word, uint64_t mask) {
    count += static_cast<uint64_t>(std::popcount(bits[2 * word] & mask));
  });
  return count;
}

uint64_t SectorStates::count_written(uint64_t first, uint64_t end) const {
  uint64_t count = 0;
  for_each_part(first, end, kSectorsPerPiece, [&](uint64_t piece, uint64_t from, uint64_t to) {
    count += count_in_piece(piece, from, to);
  });
  return count;
}

void SectorStates::change_form(uint64_t piece, PieceForm form) {
  // The mark comes first: if the process is killed here, the piece is saved needlessly, no more.
  changes_[piece] |= kFormChanged;
  keep_order();
  forms_[piece] = form;
}

void SectorStates::set_in_piece(uint64_t piece, uint64_t first, uint64_t end, SectorState state) {
  if (forms_[piece] == static_cast<PieceForm>(state)) return;
  if (first == 0 && end == kSectorsPerPiece) {
    change_form(piece, static_cast<PieceForm>(state));
    return;
  }
  const auto bits = bits_of(piece);
  changes_[piece] |= kBitsChanged;
  keep_order();
  if (const PieceForm form = forms_[piece]; form != PieceForm::mixed) {
    for (size_t word = 0; word < bits.size(); word += 2) {
      bits[word] = form == PieceForm::written ? ~uint64_t{0} : 0;
      bits[word + 1] = form == PieceForm::zero ? ~uint64_t{0} : 0;
    }
    change_form(piece, PieceForm::mixed);
    keep_order();
  }
  // No sector may be "below" for a moment. The bit of a written one outdoes the other.
  for_each_word(first, end, [&](uint64_t word, uint64_t mask) {
    uint64_t& written = bits[2 * word];
    uint64_t& zero = bits[2 * word + 1];
    if (state == SectorState::written) written |= mask;
    if (state == SectorState::zero) zero |= mask;
    keep_order();
    if (state != SectorState::zero) zero &= ~mask;
    if (state != SectorState::written) written &= ~mask;
  });
}

void SectorStates::set(uint64_t first, uint64_t end, SectorState state) {
  for_each_part(first, end, kSectorsPerPiece, [&](uint64_t piece, uint64_t from, uint64_t to) {
    set_in_piece(piece, from, to, state);
  });
}

std::vector<PieceStates> SectorStates::take_changed(uint64_t& piece, size_t max) {
  std::vector<PieceStates> taken;
  while (taken.size() < max) {
    const auto found = std::find_if(changes_.begin() + static_cast<ptrdiff_t>(piece),
                                    changes_.end(), [](uint8_t change) { return change != 0; });
    piece = static_cast<uint64_t>(found - changes_.begin());
    if (found == changes_.end()) break;
    const int change = *found | *found >> kSavingShift;
    PieceStates copy{piece, forms_[piece], (change & kFormChanged) != 0, {}};
    if (copy.form == PieceForm::mixed) {
      const auto bits = bits_of(piece);
      copy.bits.assign(bits.begin(), bits.end());
    }
    taken.push_back(std::move(copy));
    ++piece;
  }
  for (const auto& copy : taken) {
    uint8_t& change = changes_[copy.number];
    change = static_cast<uint8_t>((change & kChanged) << kSavingShift |
                                  (change & kChanged << kSavingShift));
  }
  return taken;
}

void SectorStates::note_saved(const std::vector<PieceStates>& taken) {
  for (const auto& copy : taken) changes_[copy.number] &= kChanged;
}

void SectorStates::load(uint64_t piece, PieceForm form, std::span<const uint64_t> bits) {
  if (form == PieceForm::mixed) std::copy(bits.begin(), bits.end(), bits_of(piece).begin());
  forms_[piece] = form;
}

}  // namespace ploopu
