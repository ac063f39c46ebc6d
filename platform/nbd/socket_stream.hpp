// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <thread>

#include "core/nbd/nbd_server.hpp"
#include "platform/os/page_pipe.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// A connected stream socket that it owns.
class SocketStream final : public nbd::Stream {
 public:
  explicit SocketStream(UniqueFd socket);

  // Where requests follow one another quickly it asks for a moment before it sleeps, since waking
  // up costs more than reading 4 KiB. Where they don't, or with one processor, it sleeps at once.
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
  // Asked for here: later a sandbox may forbid to look.
  bool has_processors_ = std::thread::hardware_concurrency() > 1;
  Clock::duration patience_{};  // how long to ask before sleeping
};

}  // namespace ploopu
