// SPDX-License-Identifier: GPL-2.0-or-later
// What a back end serves: a disk, or a disk with an overlay that takes what is written.
#pragma once

#include <cerrno>
#include <cstdint>
#include <span>
#include <vector>

#include "core/disk.hpp"
#include "core/memory_sink.hpp"
#include "core/overlay.hpp"

namespace ploopu {

// Refers to both, which outlive it. Thread rules and errors are theirs.
class ServedDisk {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a disk alone is one, too
  ServedDisk(const Disk& disk, Overlay* overlay = nullptr) : disk_(disk), overlay_(overlay) {}

  [[nodiscard]] const Disk& image() const { return disk_; }
  [[nodiscard]] uint64_t size() const { return disk_.size(); }
  [[nodiscard]] bool is_writable() const { return overlay_ != nullptr; }
  [[nodiscard]] bool is_kept() const { return overlay_ != nullptr && overlay_->is_kept(); }
  // nullptr when there is none.
  [[nodiscard]] const Overlay* overlay() const { return overlay_; }

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
    return overlay_ == nullptr ? EPERM : overlay_->write(offset, data);
  }
  [[nodiscard]] int write_zeroes(uint64_t offset, uint64_t length) const {
    return overlay_ == nullptr ? EPERM : overlay_->write_zeroes(offset, length);
  }
  [[nodiscard]] int flush() const { return overlay_ == nullptr ? 0 : overlay_->flush(); }
  // In a process that goes on where another one died.
  void take_over() const {
    if (overlay_ != nullptr) overlay_->take_over();
  }
  // When nobody is served any more.
  [[nodiscard]] int close() const { return overlay_ == nullptr ? 0 : overlay_->close(); }

 private:
  const Disk& disk_;
  Overlay* overlay_;
};

}  // namespace ploopu
