// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <utility>

#include "core/nbd_server.hpp"
#include "platform/unique_fd.hpp"

namespace ploopu {

// A connected stream socket that it owns.
class SocketStream final : public nbd::Stream {
 public:
  explicit SocketStream(UniqueFd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] bool receive(std::span<std::byte> out) override;
  [[nodiscard]] bool send(std::span<const std::byte> data) override;
  // Makes the other end notice at once that nothing more will come.
  void shut_down();

 private:
  UniqueFd socket_;
};

}  // namespace ploopu
