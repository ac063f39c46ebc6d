// SPDX-License-Identifier: GPL-2.0-or-later
// What a back end serves: a disk, or a disk with an overlay that takes what is written.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <span>
#include <vector>

#include "core/disk/disk.hpp"
#include "core/files/memory_sink.hpp"
#include "core/overlay/overlay.hpp"

namespace ploopu {

// In memory that all processes which serve one attachment have in common.
struct ServiceState {
  bool is_strict = false;                 // once its image was written to, nothing is served
  std::atomic<bool> is_refused = false;   // that was seen: every request is an error
  std::atomic<bool> had_no_room = false;  // a write found the overlay full
};

// Refers to all of them, which outlive it. Thread rules and errors are theirs; EIO for everything
// once its state says that it is refused.
class ServedDisk {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a disk alone is one, too
  ServedDisk(const Disk& disk, Overlay* overlay = nullptr) : disk_(disk), overlay_(overlay) {}

  [[nodiscard]] ServedDisk with(ServiceState& state) const {
    ServedDisk same = *this;
    same.state_ = &state;
    return same;
  }

  [[nodiscard]] const Disk& image() const { return disk_; }
  [[nodiscard]] uint64_t size() const { return disk_.size(); }
  [[nodiscard]] bool is_writable() const { return overlay_ != nullptr; }
  [[nodiscard]] bool is_kept() const { return overlay_ != nullptr && overlay_->is_kept(); }
  // nullptr when there is none.
  [[nodiscard]] const Overlay* overlay() const { return overlay_; }
  [[nodiscard]] ServiceState* state() const { return state_; }

  // All that is read from or written to.
  [[nodiscard]] std::vector<int> descriptors() const {
    auto all = disk_.descriptors();
    if (overlay_ != nullptr) all.push_back(overlay_->scratch().descriptor());
    return all;
  }

  // As Disk::extent_at().
  [[nodiscard]] Extent extent_at(uint64_t offset, uint64_t max_length) const {
    return overlay_ == nullptr ? disk_.extent_at(offset, max_length)
                               : overlay_->extent_at(offset, max_length);
  }
  [[nodiscard]] int deliver(uint64_t offset, uint64_t length, DataSink& sink) const {
    if (is_refused()) return EIO;
    return overlay_ == nullptr ? disk_.deliver(offset, length, sink)
                               : overlay_->deliver(offset, length, sink);
  }
  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const {
    MemorySink sink(out);
    return deliver(offset, out.size(), sink);
  }
  void expect(uint64_t offset, uint64_t length) const { disk_.expect(offset, length); }

  // EPERM without an overlay.
  [[nodiscard]] int write(uint64_t offset, std::span<const std::byte> data) const {
    if (is_refused()) return EIO;
    return overlay_ == nullptr ? EPERM : noted(overlay_->write(offset, data));
  }
  [[nodiscard]] int write_zeroes(uint64_t offset, uint64_t length) const {
    if (is_refused()) return EIO;
    return overlay_ == nullptr ? EPERM : noted(overlay_->write_zeroes(offset, length));
  }
  [[nodiscard]] int flush() const { return overlay_ == nullptr ? 0 : noted(overlay_->flush()); }
  // In a process that goes on where another one died.
  void take_over() const {
    if (overlay_ != nullptr) overlay_->take_over();
  }
  // When nobody is served any more.
  [[nodiscard]] int close() const { return overlay_ == nullptr ? 0 : overlay_->close(); }

 private:
  [[nodiscard]] bool is_refused() const {
    return state_ != nullptr && state_->is_refused.load(std::memory_order_relaxed);
  }
  [[nodiscard]] int noted(int error) const {
    if (error == ENOSPC && state_ != nullptr) state_->had_no_room = true;
    return error;
  }

  const Disk& disk_;
  Overlay* overlay_;
  ServiceState* state_ = nullptr;
};

}  // namespace ploopu
