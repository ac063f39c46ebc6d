// SPDX-License-Identifier: GPL-2.0-or-later
// Serves one NBD connection from a disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/disk.hpp"

namespace ploopu::nbd {

// The most that one request may ask for: the kernel's own limit for nbd is 32 MiB
// (drivers/block/nbd.c, blk_queue_max_hw_sectors).
inline constexpr uint32_t kMaxRequest = uint32_t{32} << 20;

// One connected stream socket. Implemented by platform/socket_stream.
class Stream {
 public:
  Stream() = default;
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // False when the other side is gone before the buffer is full.
  [[nodiscard]] virtual bool receive(std::span<std::byte> out) = 0;
  // False when the other side is gone.
  [[nodiscard]] virtual bool send(std::span<const std::byte> data) = 0;
};

enum class End {
  disconnected,  // the client said so, or closed the socket
  out_of_step,   // the client's bytes are not NBD requests
};

// Answers requests until the connection ends. A request that can't be served gets an error reply.
// A reply leaves only when all of its data is in hand, since NBD can't take back a good header.
// Any number of calls may run at once on one disk, each with a stream of its own.
End serve(const Disk& disk, Stream& stream);

}  // namespace ploopu::nbd
