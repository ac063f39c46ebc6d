// SPDX-License-Identifier: GPL-2.0-or-later
// The one way to read a disk: a disk alone (Disk), and a disk with an overlay above it (Overlay),
// are both views. A view answers "where is disk offset o?"; reading is a loop over that answer.
//
//     for (uint64_t at = 0; at < view.size();) {
//       const Extent extent = view.extent_at(at, UINT64_MAX);
//       at += extent.length;
//     }
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/files/data_sink.hpp"
#include "core/files/file_system.hpp"

namespace ploopu {

enum class ExtentKind : uint8_t {
  zero,        // in no file: reads as zeros
  data,        // at file_offset of a file
  unreadable,  // past the end of a file, or inside its header or table: reading it is EIO
};

// A run of disk bytes that lie together. Never empty unless the disk ends where it begins.
struct Extent {
  uint64_t length = 0;  // bytes
  ExtentKind kind = ExtentKind::zero;
  uint32_t file = 0;         // index into DiskView::files(); data and unreadable only
  uint64_t file_offset = 0;  // bytes from the start of that file; data only
};

// Any number of threads may call anything at once.
class DiskView {
 public:
  DiskView() = default;
  virtual ~DiskView() = default;

  // Bytes; not always a multiple of the cluster.
  [[nodiscard]] virtual uint64_t size() const = 0;

  // The longest run at disk byte `offset` that is all one extent, at most `max_length` bytes.
  // Neighbours that are neighbours in the file too, or all zero, are one run. offset <= size().
  [[nodiscard]] virtual Extent extent_at(uint64_t offset, uint64_t max_length) const = 0;

  // The files that extents lie in. The view owns none of them.
  [[nodiscard]] virtual const std::vector<const ImageFile*>& files() const = 0;

  // The path by which messages call the disk: that of the top delta.
  [[nodiscard]] virtual const std::string& name() const = 0;

  // The descriptors of files(), which own them.
  [[nodiscard]] std::vector<int> file_descriptors() const;

  // Fills `out` from disk byte `offset`. Returns 0 or an errno value: EINVAL when the range leaves
  // the disk, EIO when any byte of the range can't be read. After an error `out` is undefined.
  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const;

  // Hands `length` bytes from `offset` on to `sink`. Returns what read() does, or the error of the
  // sink. Zeros reach the sink without touching a file.
  [[nodiscard]] int deliver(uint64_t offset, uint64_t length, DataSink& sink) const;

  // Has the files fetch a range that will be read soon: a slow disk then seeks for all of its parts
  // at once, not for one after the other. Doesn't wait. Ignores a range that leaves the disk.
  void prefetch(uint64_t offset, uint64_t length) const;

 protected:
  DiskView(const DiskView&) = default;
  DiskView& operator=(const DiskView&) = default;
  DiskView(DiskView&&) = default;
  DiskView& operator=(DiskView&&) = default;
};

}  // namespace ploopu
