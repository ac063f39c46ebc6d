// SPDX-License-Identifier: GPL-2.0-or-later
// The socket between confined work and the process that started the work. The work sends frames:
// a request, to which the other side replies with a Handed, or an end.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/confine/confinement.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

enum class FrameKind : char {
  request = '?',    // for a Serve
  answer = '+',     // the end: what the work returned
  failed = '-',     // the end: why the work couldn't begin, or what a library threw
  no_memory = 'm',  // the end
};

struct Frame {
  FrameKind kind = FrameKind::failed;
  std::string bytes;
};

// Two connected ends; the second one is for the work.
struct WorkSockets {
  UniqueFd ours;
  UniqueFd theirs;
};
[[nodiscard]] Result<WorkSockets> make_work_sockets(const std::string& what);

// The side of the work. Both functions end the process when the other side is gone.
void send_frame(int socket, FrameKind kind, std::string_view bytes);
[[nodiscard]] Handed receive_handed(int socket);

// The other side. False when the work is gone.
[[nodiscard]] bool send_handed(int socket, const Handed& handed);
// Replies to requests until a frame of an end comes; nothing when the work ended
// without one. ErrorKind::damaged for a frame of more than 256 MiB.
[[nodiscard]] Result<std::optional<Frame>> serve_work(int socket, const WorkTask& task,
                                                      const Serve& serve);

// Requests of the work, over its socket.
class SocketOutside final : public Outside {
 public:
  explicit SocketOutside(int socket) : socket_(socket) {}
  [[nodiscard]] Handed ask(const std::string& request) override {
    send_frame(socket_, FrameKind::request, request);
    return receive_handed(socket_);
  }

 private:
  int socket_;
};

}  // namespace ploopu
