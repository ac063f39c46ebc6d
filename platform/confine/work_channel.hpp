// SPDX-License-Identifier: GPL-2.0-or-later
// The socket between confined work and the process that started the work. The work sends frames:
// requests, to which the other side replies with a Handed, and at the end its answer.
//
//   In the work:    send_frame(socket, FrameKind::request, text); receive_handed(socket);
//   In the parent:  PLOOPU_TRY(auto frame, serve_work(socket, task, serve));
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/confine/confinement.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

enum class FrameKind : char {
  request = '?',    // bytes for Serve
  answer = '+',     // last frame: the bytes that the work returned
  failed = '-',     // last frame: why the work couldn't begin, or what a library threw
  no_memory = 'm',  // last frame, without bytes
};

struct Frame {
  FrameKind kind = FrameKind::failed;
  std::string bytes;
};

// Two connected stream sockets; `theirs` is for the work.
struct WorkSockets {
  UniqueFd ours;
  UniqueFd theirs;
};
[[nodiscard]] Result<WorkSockets> make_work_sockets(const std::string& what);

// For the work: sends a frame, or waits for the reply to a request. Both functions end the process
// if the other side is gone.
void send_frame(int socket, FrameKind kind, std::string_view bytes);
[[nodiscard]] Handed receive_handed(int socket);

// For the parent: sends a reply. Returns false if the work is gone.
[[nodiscard]] bool send_handed(int socket, const Handed& handed);
// For the parent: replies to requests until the last frame comes, and returns that; nothing if the
// work ended without a last frame. ErrorKind::damaged for a frame of more than 256 MiB, or of more
// than it announces. The caller limits the time of the work (limit_time() in confined_work.hpp) and
// the waits of the socket (SO_RCVTIMEO); a wait that is over counts as the end of the work.
[[nodiscard]] Result<std::optional<Frame>> serve_work(int socket, const WorkTask& task,
                                                      const Serve& serve);

// Gives the work its port Outside over the socket.
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
