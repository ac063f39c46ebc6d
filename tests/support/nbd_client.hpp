// SPDX-License-Identifier: GPL-2.0-or-later
// The client of the NBD protocol, with the parts that tests and benchmarks need.
#pragma once

#include <cerrno>
#include <utility>

#include "core/nbd/nbd_server.hpp"
#include "core/nbd/nbd_wire.hpp"
#include "tests/support/memory_file.hpp"

namespace ploopu::testing {

inline void put_big_endian(Bytes& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i)
    out.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFF));
}

inline Bytes nbd_request(uint16_t command, uint64_t cookie, uint64_t offset, uint32_t length) {
  Bytes out;
  put_big_endian(out, 0x25609513, 4);
  put_big_endian(out, 0, 2);
  put_big_endian(out, command, 2);
  put_big_endian(out, cookie, 8);
  put_big_endian(out, offset, 8);
  put_big_endian(out, length, 4);
  return out;
}

inline Bytes nbd_reply(uint64_t cookie, uint32_t status, const Bytes& data = {}) {
  Bytes out;
  put_big_endian(out, 0x67446698, 4);
  put_big_endian(out, status, 4);
  put_big_endian(out, cookie, 8);
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

// Receives until `out` is full. Returns false if the other side closes the connection before.
inline bool receive_all(nbd::Stream& stream, std::span<std::byte> out) {
  while (!out.empty()) {
    const size_t got = stream.receive_some(out);
    if (got == 0) return false;
    out = out.subspan(got);
  }
  return true;
}

// Collects data in memory, up to a maximum size.
class MemoryCollector final : public DataSink {
 public:
  explicit MemoryCollector(size_t room) : room_(room) {}

  int add_zeros(uint64_t length) override {
    if (bytes_.size() + length > room_) return ENOSPC;
    bytes_.resize(bytes_.size() + length);
    return 0;
  }
  int add_data(const ImageFile& file, uint64_t offset, uint64_t length) override {
    const size_t start = bytes_.size();
    if (const int error = add_zeros(length); error != 0) return error;
    return file.read(offset, std::span(bytes_).subspan(start));
  }
  Bytes take() { return std::exchange(bytes_, {}); }

 private:
  size_t room_;
  Bytes bytes_;
};

}  // namespace ploopu::testing
