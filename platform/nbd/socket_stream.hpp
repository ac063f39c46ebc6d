// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the port nbd::Stream (core/nbd/nbd_server.hpp) for a connected stream socket:
//
//   SocketStream stream(std::move(socket));
//   nbd::serve(disk, stream);
#pragma once

#include <chrono>
#include <thread>

#include "core/nbd/nbd_server.hpp"
#include "platform/os/page_pipe.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// For use by one thread.
class SocketStream final : public nbd::Stream {
 public:
  // Takes ownership of the socket.
  explicit SocketStream(UniqueFd socket);

  // If requests follow one another quickly, polls for a moment before it sleeps, since waking up
  // costs more than reading 4 KiB. Otherwise, or with a single processor, sleeps at once.
  [[nodiscard]] size_t receive_some(std::span<std::byte> out) override;
  [[nodiscard]] bool send(std::span<const std::byte> data) override;
  [[nodiscard]] DataSink& collector() override { return pages_; }
  [[nodiscard]] bool send_collected(std::span<const std::byte> head) override;
  void drop_collected() override { pages_.drop(); }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] size_t receive(std::span<std::byte> out, int flags);
  [[nodiscard]] bool send_all(std::span<const std::byte> data, int flags);

  UniqueFd socket_;
  PagePipe pages_;
  // Found out by the constructor, because the sandbox forbids the system call later.
  bool has_processors_ = std::thread::hardware_concurrency() > 1;
  Clock::duration patience_{};  // time to poll before sleeping
};

}  // namespace ploopu
