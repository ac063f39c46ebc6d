// SPDX-License-Identifier: GPL-2.0-or-later
// The object that the server of an attachment serves: a disk, or a disk with an overlay that takes
// writes, and the state that all processes of the attachment share.
//
//     const ServedDisk served(disk, &overlay, &state);
//     served.view().read(offset, buffer);  // sees the overlay
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <span>

#include "core/disk/disk.hpp"
#include "core/overlay/overlay.hpp"

namespace ploopu {

// A part of the memory that all processes which serve an attachment share.
struct ServiceState {
  bool is_strict = false;                 // nothing is served after the image was written to
  std::atomic<bool> is_refused = false;   // the image was written to: every request is an error
  std::atomic<bool> had_no_room = false;  // a write found the overlay full
};

// Refers to its parts, which outlive it. Thread rules and errors are those of the parts.
struct ServedDisk {
  // NOLINTNEXTLINE(google-explicit-constructor): a disk alone can be served, too
  ServedDisk(const Disk& image_disk, Overlay* over = nullptr, ServiceState* shared = nullptr)
      : disk(image_disk), overlay(over), state(shared) {}

  [[nodiscard]] const DiskView& view() const {
    return overlay == nullptr ? static_cast<const DiskView&>(disk) : *overlay;
  }
  [[nodiscard]] bool is_writable() const { return overlay != nullptr; }
  [[nodiscard]] bool is_kept() const { return overlay != nullptr && overlay->is_kept(); }

  // True once a strict image was written to. Servers ask before every request, and answer EIO.
  [[nodiscard]] bool is_refused() const {
    return state != nullptr && state->is_refused.load(std::memory_order_relaxed);
  }

  // Both methods return 0 or an errno value: EPERM without an overlay, else Overlay's.
  [[nodiscard]] int write(uint64_t offset, std::span<const std::byte> data) const {
    return overlay == nullptr ? EPERM : noted(overlay->write(offset, data));
  }
  [[nodiscard]] int write_zeroes(uint64_t offset, uint64_t length) const {
    return overlay == nullptr ? EPERM : noted(overlay->write_zeroes(offset, length));
  }
  [[nodiscard]] int flush() const { return overlay == nullptr ? 0 : noted(overlay->flush()); }
  // Call it before any other method in a process that replaces a dead one.
  void take_over() const {
    if (overlay != nullptr) overlay->take_over();
  }
  // Call it after the last request.
  [[nodiscard]] int close() const { return overlay == nullptr ? 0 : overlay->close(); }

  const Disk& disk;               // the image alone
  Overlay* overlay = nullptr;     // above the disk
  ServiceState* state = nullptr;  // nullptr: nobody watches the image

 private:
  [[nodiscard]] int noted(int error) const {
    if (error == ENOSPC && state != nullptr) state->had_no_room = true;
    return error;
  }
};

}  // namespace ploopu
