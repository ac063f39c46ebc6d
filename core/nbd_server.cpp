// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/nbd_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "core/nbd_wire.hpp"

namespace ploopu::nbd {
namespace {

class Connection {
 public:
  Connection(const Disk& disk, Stream& stream)
      : disk_(disk),
        stream_(stream),
        // Never touched beyond the largest request that comes, so the rest costs no memory.
        reply_(std::make_unique_for_overwrite<std::byte[]>(kReplySize + kMaxRequest)) {}

  End run() {
    std::array<std::byte, kRequestSize> wire{};
    while (stream_.receive(wire)) {
      const auto request = decode_request(wire);
      if (!request) return End::out_of_step;
      if (request->command == Command::disconnect) break;
      if (!answer(*request)) break;
    }
    return End::disconnected;
  }

 private:
  // False when the connection is gone.
  bool answer(const Request& request) {
    switch (request.command) {
      case Command::read:
        return answer_read(request);
      case Command::write:
        return swallow_payload(request.length) && send_status(request, Status::not_permitted);
      case Command::flush:
        return send_status(request, Status::ok);
      default:
        return send_status(request, Status::invalid);
    }
  }

  bool answer_read(const Request& request) {
    if (request.length > kMaxRequest) return send_status(request, Status::invalid);
    const auto reply = std::span(reply_.get(), kReplySize + request.length);
    switch (disk_.read(request.offset, reply.subspan(kReplySize))) {
      case 0:
        encode_reply(reply.first<kReplySize>(), request.cookie, Status::ok);
        return stream_.send(reply);
      case EINVAL:
        return send_status(request, Status::invalid);
      default:
        return send_status(request, Status::io_error);
    }
  }

  // The data of a write follows its request; it has to go before the next one can be read.
  bool swallow_payload(uint32_t length) {
    while (length > 0) {
      const uint32_t piece = std::min(length, kMaxRequest);
      if (!stream_.receive(std::span(reply_.get(), piece))) return false;
      length -= piece;
    }
    return true;
  }

  bool send_status(const Request& request, Status status) {
    std::array<std::byte, kReplySize> wire{};
    encode_reply(wire, request.cookie, status);
    return stream_.send(wire);
  }

  const Disk& disk_;
  Stream& stream_;
  std::unique_ptr<std::byte[]> reply_;
};

}  // namespace

End serve(const Disk& disk, Stream& stream) { return Connection(disk, stream).run(); }

}  // namespace ploopu::nbd
