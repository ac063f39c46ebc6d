// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/overlay.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <mutex>
#include <new>

#include "core/memory_sink.hpp"

namespace ploopu {
namespace {

constexpr uint64_t kWordSectors = 64;

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

}  // namespace

Overlay::Overlay(const Disk& below, const ScratchFile& scratch, uint64_t limit)
    : below_(below),
      scratch_(scratch),
      limit_(limit / kSectorSize),
      pieces_((below.size() / kSectorSize + kPieceSectors - 1) / kPieceSectors) {}

bool Overlay::is_outside(uint64_t offset, uint64_t length) const {
  return offset > below_.size() || length > below_.size() - offset;
}

std::pair<Overlay::State, uint64_t> Overlay::Piece::look_at(uint64_t sector) const {
  if (!bits) return {all, kPieceSectors - sector};
  const uint64_t written = bits->written[sector / kWordSectors] >> sector % kWordSectors;
  const uint64_t zero = bits->zero[sector / kWordSectors] >> sector % kWordSectors;
  const auto result = [&](State state, uint64_t same) {
    const auto run = static_cast<uint64_t>(std::countr_one(same));
    return std::pair(state, std::min(run, kWordSectors - sector % kWordSectors));
  };
  if ((written & 1) != 0) return result(State::written, written);
  if ((zero & 1) != 0) return result(State::zero, zero);
  return result(State::below, ~(written | zero));
}

uint64_t Overlay::Piece::count_written(uint64_t first, uint64_t end) const {
  if (!bits) return all == State::written ? end - first : 0;
  uint64_t count = 0;
  for_each_word(first, end, [&](uint64_t word, uint64_t mask) {
    count += static_cast<uint64_t>(std::popcount(bits->written[word] & mask));
  });
  return count;
}

void Overlay::Piece::set(uint64_t first, uint64_t end, State state) {
  if (first == 0 && end == kPieceSectors) {
    all = state;
    bits.reset();
    return;
  }
  if (!bits) {
    if (all == state) return;
    bits = std::make_unique<Bits>();
    if (all == State::written) bits->written.fill(~uint64_t{0});
    if (all == State::zero) bits->zero.fill(~uint64_t{0});
  }
  for_each_word(first, end, [&](uint64_t word, uint64_t mask) {
    bits->written[word] &= ~mask;
    bits->zero[word] &= ~mask;
    if (state == State::written) bits->written[word] |= mask;
    if (state == State::zero) bits->zero[word] |= mask;
  });
}

uint64_t Overlay::count_written(uint64_t first, uint64_t end) const {
  uint64_t count = 0;
  for_each_part(first, end, kPieceSectors, [&](uint64_t piece, uint64_t from, uint64_t to) {
    count += pieces_[piece].count_written(from, to);
  });
  return count;
}

void Overlay::set_state(uint64_t first, uint64_t end, State state) {
  for_each_part(first, end, kPieceSectors, [&](uint64_t piece, uint64_t from, uint64_t to) {
    pieces_[piece].set(from, to, state);
  });
}

// The longest run at `offset` that is in one state. max_length > 0.
Overlay::Run Overlay::run_at(uint64_t offset, uint64_t max_length) const {
  const std::shared_lock guard(states_);
  uint64_t sector = offset / kSectorSize;
  const auto look = [&] { return pieces_[sector / kPieceSectors].look_at(sector % kPieceSectors); };
  auto [state, count] = look();
  while (sector += count, sector * kSectorSize < offset + max_length) {
    const auto [next, more] = look();
    if (next != state) break;
    count = more;
  }
  return {state, std::min(max_length, sector * kSectorSize - offset)};
}

int Overlay::deliver(uint64_t offset, uint64_t length, DataSink& sink) const {
  if (is_outside(offset, length)) return EINVAL;
  while (length > 0) {
    const Run run = run_at(offset, length);
    int error = 0;
    switch (run.state) {
      case State::below:
        error = below_.deliver(offset, run.length, sink);
        break;
      case State::written:
        error = sink.add_data(scratch_, offset, run.length);
        break;
      case State::zero:
        error = sink.add_zeros(run.length);
        break;
    }
    if (error != 0) return error;
    offset += run.length;
    length -= run.length;
  }
  return 0;
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

// What is above the rest of the sector is copied.
int Overlay::write_part_of_sector(uint64_t offset, std::span<const std::byte> data) {
  const std::unique_lock order(writing_);
  const uint64_t within = offset % kSectorSize;
  std::array<std::byte, kSectorSize> sector{};
  MemorySink old(sector);
  if (const int error = deliver(offset - within, sector.size(), old); error != 0) return error;
  std::copy(data.begin(), data.end(), sector.begin() + static_cast<ptrdiff_t>(within));
  return write_sectors(offset - within, sector);
}

// Sectors become "written" when all of the data is there: until then, and after a failure, what the
// image has there is read on.
int Overlay::write_sectors(uint64_t offset, std::span<const std::byte> data) {
  const uint64_t first = offset / kSectorSize;
  const uint64_t end = first + data.size() / kSectorSize;
  uint64_t reserved = 0;
  {
    const std::unique_lock guard(states_);
    reserved = (end - first) - count_written(first, end);
    if (reserved > limit_ - std::min(limit_, used_.load())) return ENOSPC;
    used_ += reserved;
  }
  const int error = scratch_.write(offset, data);
  const std::unique_lock guard(states_);
  used_ -= reserved;
  if (error != 0) return error;
  used_ += (end - first) - count_written(first, end);
  set_state(first, end, State::written);
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
  const std::shared_lock order(writing_);
  const std::unique_lock guard(states_);
  const uint64_t written = count_written(first, end);
  set_state(first, end, State::zero);
  used_ -= written;
  // Just to give the room back: nothing of it is read any more.
  if (written > 0) static_cast<void>(scratch_.punch(offset, length));
  return 0;
}

}  // namespace ploopu
