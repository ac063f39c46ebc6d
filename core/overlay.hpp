// SPDX-License-Identifier: GPL-2.0-or-later
// A private writable layer on a disk: what is written goes to a scratch file, and the image below
// is never touched.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <span>
#include <utility>
#include <vector>

#include "core/data_sink.hpp"
#include "core/disk.hpp"
#include "core/file_system.hpp"

namespace ploopu {

// Where an overlay keeps what was written: a sparse file of the disk's size, in which every byte
// has the offset that it has on the disk. Calls return 0 or an errno value, and may run at once.
class ScratchFile : public ImageFile {
 public:
  [[nodiscard]] virtual int write(uint64_t offset, std::span<const std::byte> data) const = 0;
  // Gives the room of the range back. What is read there afterwards doesn't matter.
  [[nodiscard]] virtual int punch(uint64_t offset, uint64_t length) const = 0;
};

// Any number of threads may call anything at once. Calls that overlap in time and place take effect
// in some order. Memory: 2 bits for each sector near one that was written.
class Overlay {
 public:
  // `limit` is in bytes: more than that is never kept in the scratch file. Both outlive this.
  Overlay(const Disk& below, const ScratchFile& scratch, uint64_t limit);

  // As Disk::deliver(). What was written is seen by every read that starts when the write is done.
  [[nodiscard]] int deliver(uint64_t offset, uint64_t length, DataSink& sink) const;

  // Both return 0 or an errno value: ENOMEM, EINVAL when the range leaves the disk, ENOSPC when
  // there is no room. After an error the range may be partly new; everything else is as it was, and
  // readable.
  [[nodiscard]] int write(uint64_t offset, std::span<const std::byte> data);
  [[nodiscard]] int write_zeroes(uint64_t offset, uint64_t length);

  [[nodiscard]] const ScratchFile& scratch() const { return scratch_; }
  // Bytes that are kept in the scratch file now.
  [[nodiscard]] uint64_t used() const { return used_ * kSectorSize; }

 private:
  enum class State : uint8_t { below, written, zero };

  // The sectors of one stretch of the disk. Most are all in one state.
  static constexpr uint64_t kPieceSectors = 32768;
  struct Bits {
    std::array<uint64_t, kPieceSectors / 64> written = {};
    std::array<uint64_t, kPieceSectors / 64> zero = {};
  };
  struct Piece {
    // Of these sectors of the piece.
    [[nodiscard]] uint64_t count_written(uint64_t first, uint64_t end) const;
    void set(uint64_t first, uint64_t end, State state);
    // The state of a sector, and of how many from it on, at most to the end of a word of bits.
    [[nodiscard]] std::pair<State, uint64_t> look_at(uint64_t sector) const;

    State all = State::below;    // without `bits`
    std::unique_ptr<Bits> bits;  // where sectors differ
  };

  struct Run {
    State state = State::below;
    uint64_t length = 0;  // bytes
  };
  [[nodiscard]] Run run_at(uint64_t offset, uint64_t max_length) const;
  [[nodiscard]] bool is_outside(uint64_t offset, uint64_t length) const;
  [[nodiscard]] int write_part_of_sector(uint64_t offset, std::span<const std::byte> data);
  [[nodiscard]] int write_sectors(uint64_t offset, std::span<const std::byte> data);
  [[nodiscard]] int zero_sectors(uint64_t offset, uint64_t length);
  // These need states_. Sectors from `first` up to and without `end`.
  [[nodiscard]] uint64_t count_written(uint64_t first, uint64_t end) const;
  void set_state(uint64_t first, uint64_t end, State state);

  const Disk& below_;
  const ScratchFile& scratch_;
  const uint64_t limit_;            // sectors
  std::atomic<uint64_t> used_ = 0;  // sectors that are written, or about to be
  std::vector<Piece> pieces_;
  mutable std::shared_mutex states_;  // guards pieces_
  // Held alone where a part of a sector is read, changed and written back, and shared by all
  // others that write.
  std::shared_mutex writing_;
};

}  // namespace ploopu
