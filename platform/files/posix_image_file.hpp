// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the port ImageFile (core/files/file_system.hpp) for an open file of this host.
#pragma once

#include <cstdint>

#include <sys/stat.h>

#include "core/files/file_system.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// The answers of ImageFile that don't change while the file is open. Plain data, so that it can be
// sent to another process together with the descriptor.
struct ImageFileFacts {
  uint64_t size = 0;  // bytes
  FileIdentity identity;
  int64_t modified = 0;  // nanoseconds since 1970
};

[[nodiscard]] ImageFileFacts facts_of(const struct stat& status);
[[nodiscard]] ImageFileFacts facts_of(const struct statx& status);

class PosixImageFile final : public ImageFile {
 public:
  // Takes ownership of the descriptor.
  PosixImageFile(UniqueFd fd, const ImageFileFacts& facts) : fd_(std::move(fd)), facts_(facts) {}

  [[nodiscard]] uint64_t size() const override { return facts_.size; }
  [[nodiscard]] FileIdentity identity() const override { return facts_.identity; }
  [[nodiscard]] int64_t modified() const override { return facts_.modified; }
  [[nodiscard]] int descriptor() const override { return fd_.get(); }
  [[nodiscard]] uint64_t next_data(uint64_t offset) const override;
  [[nodiscard]] uint64_t next_hole(uint64_t offset) const override;
  void prefetch(uint64_t offset, uint64_t length) const override;
  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const override;

 private:
  UniqueFd fd_;
  ImageFileFacts facts_;
};

}  // namespace ploopu
