// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/overlay/overlay.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

namespace ploopu {

Overlay::Overlay(const DiskView& below, const ScratchFile& scratch, SectorStates& states,
                 uint64_t limit, const OverlayFile* file)
    : below_(below),
      scratch_(scratch),
      files_(below.files()),
      file_(file),
      data_start_(file == nullptr ? 0 : file->data_start()),
      limit_(limit / kSectorSize),
      used_(states.count_written(0, states.sectors())),
      states_(states),
      has_room_(file == nullptr ? 0 : states.pieces()) {
  files_.push_back(&scratch);
  for (uint64_t piece = 0; piece < has_room_.size(); ++piece) {
    has_room_[piece] = states.form(piece) == PieceForm::mixed;
  }
}

bool Overlay::is_outside(uint64_t offset, uint64_t length) const {
  return offset > below_.size() || length > below_.size() - offset;
}

// The longest run at `offset` that is in one state. max_length > 0.
Overlay::Run Overlay::run_at(uint64_t offset, uint64_t max_length) const {
  const std::shared_lock guard(guard_);
  const uint64_t first = offset / kSectorSize;
  const uint64_t end = (offset + max_length + kSectorSize - 1) / kSectorSize;
  const auto [state, sectors] = states_.run_at(first, end - first);
  return {state, std::min(max_length, (first + sectors) * kSectorSize - offset)};
}

Extent Overlay::extent_at(uint64_t offset, uint64_t max_length) const {
  const uint64_t length = std::min(max_length, below_.size() - offset);
  if (length == 0) return below_.extent_at(offset, 0);
  const Run run = run_at(offset, length);
  if (run.state == SectorState::below) return below_.extent_at(offset, run.length);
  if (run.state == SectorState::zero) return {run.length, ExtentKind::zero};
  return {run.length, ExtentKind::data, static_cast<uint32_t>(files_.size() - 1),
          data_start_ + offset};
}

int Overlay::write(uint64_t offset, std::span<const std::byte> data) try {
  if (is_outside(offset, data.size())) return EINVAL;
  while (!data.empty()) {
    const uint64_t within = offset % kSectorSize;
    uint64_t length = data.size() / kSectorSize * kSectorSize;
    if (within != 0) length = 0;
    int error = 0;
    if (length > 0) {
      const std::shared_lock order(writing_);
      error = write_sectors(offset, data.first(length));
    } else {
      length = std::min<uint64_t>(data.size(), kSectorSize - within);
      error = write_part_of_sector(offset, data.first(length));
    }
    if (error != 0) return error;
    offset += length;
    data = data.subspan(length);
  }
  return 0;
} catch (const std::bad_alloc&) {
  return ENOMEM;
}

// Reads the whole sector through the overlay, changes a part of it, and writes the whole sector.
int Overlay::write_part_of_sector(uint64_t offset, std::span<const std::byte> data) {
  const std::unique_lock order(writing_);
  const uint64_t within = offset % kSectorSize;
  std::array<std::byte, kSectorSize> sector{};
  if (const int error = read(offset - within, sector); error != 0) return error;
  std::copy(data.begin(), data.end(), sector.begin() + static_cast<ptrdiff_t>(within));
  return write_sectors(offset - within, sector);
}

// Marks a file that is kept as changed and reserves room for the new states, before anything
// changes in it.
int Overlay::prepare_change(uint64_t first, uint64_t end) {
  if (file_ == nullptr) return 0;
  if (!is_marked_) {
    const std::lock_guard order(marking_);
    const int error = is_marked_ ? 0 : file_->mark_changed(scratch_);
    if (error != 0) return error;
    is_marked_ = true;
  }
  for (uint64_t piece = first / kSectorsPerPiece; piece * kSectorsPerPiece < end; ++piece) {
    const uint64_t start = piece * kSectorsPerPiece;
    if (first <= start && start + kSectorsPerPiece <= end) continue;  // a whole piece has no bits
    {
      const std::shared_lock guard(guard_);
      if (has_room_[piece]) continue;
    }
    if (const int error = file_->reserve(scratch_, piece); error != 0) return error;
    const std::unique_lock guard(guard_);
    has_room_[piece] = true;
  }
  return 0;
}

// Sectors become "written" when all of the data is there: until then, and after a failure, what the
// image has there is read on.
int Overlay::write_sectors(uint64_t offset, std::span<const std::byte> data) {
  const uint64_t first = offset / kSectorSize;
  const uint64_t end = first + data.size() / kSectorSize;
  if (const int error = prepare_change(first, end); error != 0) return error;
  uint64_t reserved = 0;
  {
    const std::unique_lock guard(guard_);
    reserved = (end - first) - states_.count_written(first, end);
    if (reserved > limit_ - std::min(limit_, used_.load())) return ENOSPC;
    used_ += reserved;
  }
  const int error = scratch_.write(data_start_ + offset, data);
  const std::unique_lock guard(guard_);
  used_ -= reserved;
  if (error != 0) return error;
  used_ += (end - first) - states_.count_written(first, end);
  states_.set(first, end, SectorState::written);
  return 0;
}

int Overlay::write_zeroes(uint64_t offset, uint64_t length) try {
  constexpr std::array<std::byte, kSectorSize> kZeros{};
  if (is_outside(offset, length)) return EINVAL;
  const uint64_t head = std::min(length, (kSectorSize - offset % kSectorSize) % kSectorSize);
  const uint64_t body = (length - head) / kSectorSize * kSectorSize;
  const uint64_t tail = length - head - body;
  int error = head == 0 ? 0 : write_part_of_sector(offset, std::span(kZeros).first(head));
  if (error == 0 && body > 0) error = zero_sectors(offset + head, body);
  if (error == 0 && tail > 0) {
    error = write_part_of_sector(offset + head + body, std::span(kZeros).first(tail));
  }
  return error;
} catch (const std::bad_alloc&) {
  return ENOMEM;
}

int Overlay::zero_sectors(uint64_t offset, uint64_t length) {
  const uint64_t first = offset / kSectorSize;
  const uint64_t end = first + length / kSectorSize;
  // Nobody may write there before the hole is made, which can take long; reading goes on.
  const std::unique_lock order(writing_);
  if (const int error = prepare_change(first, end); error != 0) return error;
  uint64_t written = 0;
  {
    const std::unique_lock guard(guard_);
    written = states_.count_written(first, end);
    states_.set(first, end, SectorState::zero);
    used_ -= written;
  }
  // Just to give the room back: nothing of it is read any more.
  if (written > 0) static_cast<void>(scratch_.punch(data_start_ + offset, length));
  return 0;
}

int Overlay::flush() try {
  constexpr size_t kPiecesAtOnce = 512;  // 4 MiB
  if (file_ == nullptr) return 0;
  const std::lock_guard order(saving_);
  if (states_.has_loss()) return EIO;
  for (uint64_t piece = 0; piece < states_.pieces();) {
    std::vector<PieceStates> changed;
    {
      const std::unique_lock guard(guard_);
      changed = states_.take_changed(piece, kPiecesAtOnce);
    }
    const int error = file_->save(scratch_, changed);
    // Where the disk fails once, the kernel forgets what it couldn't write, and says so only once.
    if (error != 0 && error != ENOSPC) states_.note_loss();
    if (error != 0) return error;
    const std::unique_lock guard(guard_);
    states_.note_saved(changed);
  }
  return 0;
} catch (const std::bad_alloc&) {
  return ENOMEM;
}

void Overlay::take_over() {
  used_ = states_.count_written(0, states_.sectors());
  is_marked_ = false;
}

int Overlay::close() {
  if (file_ == nullptr) return 0;
  // Another process may have written.
  if (!OverlayFile::was_cut_short(scratch_, "it").value_or(true)) return 0;
  if (const int error = flush(); error != 0) return error;
  return file_->mark_closed(scratch_);
}

}  // namespace ploopu
