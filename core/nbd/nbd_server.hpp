// SPDX-License-Identifier: GPL-2.0-or-later
// Serves an NBD connection from a disk, or from a disk with an overlay.
//
//     nbd::serve(ServedDisk(disk), stream);  // returns when the connection ends
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/files/data_sink.hpp"
#include "core/overlay/served_disk.hpp"

namespace ploopu::nbd {

// The most bytes of a request: the kernel's own limit for nbd is 32 MiB (drivers/block/nbd.c,
// blk_queue_max_hw_sectors).
inline constexpr uint32_t kMaxRequest = uint32_t{32} << 20;

// The port to a connected stream socket, for a single thread. platform has the implementation,
// SocketStream.
//
//     const size_t count = stream.receive_some(buffer);  // 0: the other side is gone
//     const bool is_sent = stream.send(reply);
class Stream {
 public:
  Stream() = default;
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Waits for bytes and puts at least one into `out`, which is not empty. Returns their number; 0
  // when the other side is gone.
  [[nodiscard]] virtual size_t receive_some(std::span<std::byte> out) = 0;
  // Sends all of `data`. False when the other side is gone.
  [[nodiscard]] virtual bool send(std::span<const std::byte> data) = 0;

  // A sink that collects data to be sent without a copy in this process's memory; the stream owns
  // it. Its calls return ENOSPC when it is full. Nothing is sent before send_collected().
  [[nodiscard]] virtual DataSink& collector() = 0;
  // Sends `head`, then all collected data. False when the other side is gone.
  [[nodiscard]] virtual bool send_collected(std::span<const std::byte> head) = 0;
  // Discards all collected data.
  virtual void drop_collected() = 0;
};

enum class End {
  disconnected,  // the client said so, or closed the socket
  out_of_step,   // the client's bytes are not NBD requests
};

// Answers requests until the connection ends. A request that can't be served gets an error reply.
// A reply leaves only when all of its data is in hand, since NBD can't take back a good header.
// Any number of calls may run at once on one disk, each with a stream of its own.
// Throws std::bad_alloc at the start. Later it allocates memory only for a large request that the
// collector has no room for.
End serve(const ServedDisk& disk, Stream& stream);

}  // namespace ploopu::nbd
