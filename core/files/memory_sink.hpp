// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstring>
#include <span>

#include "core/files/data_sink.hpp"

namespace ploopu {

// Reads into memory, of which there must be enough for all that is delivered.
class MemorySink final : public DataSink {
 public:
  explicit MemorySink(std::span<std::byte> out) : out_(out) {}

  int add_zeros(uint64_t length) override {
    const auto piece = next(length);
    std::memset(piece.data(), 0, piece.size());
    return 0;
  }
  int add_data(const ImageFile& file, uint64_t offset, uint64_t length) override {
    return file.read(offset, next(length));
  }

 private:
  std::span<std::byte> next(uint64_t length) {
    const auto piece = out_.first(length);
    out_ = out_.subspan(length);
    return piece;
  }

  std::span<std::byte> out_;
};

}  // namespace ploopu
