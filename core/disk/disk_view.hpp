// SPDX-License-Identifier: GPL-2.0-or-later
// The interface through which a disk is read. Disk implements it for an image alone, Overlay for an
// image with writes above it. extent_at() says where a disk byte is stored; read(), deliver() and
// prefetch() are loops over that answer.
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
  zero,        // no file has the bytes: they read as zeros
  data,        // a file has the bytes at file_offset
  unreadable,  // the place is past the end of a file, or in its header or table: reads fail, EIO
};

// A run of disk bytes with one source. Empty only at the end of the disk.
struct Extent {
  uint64_t length = 0;  // bytes
  ExtentKind kind = ExtentKind::zero;
  uint32_t file = 0;         // index into DiskView::files(); data and unreadable only
  uint64_t file_offset = 0;  // bytes from the start of that file; data only
};

// Thread-safe: any number of threads may call any method at once.
class DiskView {
 public:
  DiskView() = default;
  virtual ~DiskView() = default;

  // Size of the disk in bytes: a multiple of kSectorSize, but not always of the cluster.
  [[nodiscard]] virtual uint64_t size() const = 0;

  // The longest extent at disk byte `offset` (at most size()), cut to `max_length` bytes. Clusters
  // that are neighbours in the file too, and neighbouring zeros, are one extent.
  [[nodiscard]] virtual Extent extent_at(uint64_t offset, uint64_t max_length) const = 0;

  // The files that extents refer to, by Extent::file. They live as long as the view.
  [[nodiscard]] virtual const std::vector<const ImageFile*>& files() const = 0;

  // The path of the top delta, as the name of the disk in messages.
  [[nodiscard]] virtual const std::string& name() const = 0;

  // The open file descriptors of files(), which own them.
  [[nodiscard]] std::vector<int> file_descriptors() const;

  // Fills `out` from disk byte `offset`. Returns 0 or an errno value: EINVAL when the range leaves
  // the disk, EIO when any byte of the range can't be read. After an error `out` is undefined.
  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const;

  // Hands `length` bytes from disk byte `offset` on to `sink`. Returns an errno value as read()
  // does, or the error of the sink. Zeros reach the sink without touching a file.
  [[nodiscard]] int deliver(uint64_t offset, uint64_t length, DataSink& sink) const;

  // Asks the files to fetch a range that will be read soon: a slow disk then seeks for all of its
  // parts at once, not for each in turn. Doesn't wait. Ignores a range that leaves the disk.
  void prefetch(uint64_t offset, uint64_t length) const;

 protected:
  DiskView(const DiskView&) = default;
  DiskView& operator=(const DiskView&) = default;
  DiskView(DiskView&&) = default;
  DiskView& operator=(DiskView&&) = default;
};

}  // namespace ploopu
