// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/nbd_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "core/nbd_wire.hpp"

namespace ploopu::nbd {
namespace {

constexpr uint32_t kSwallowedAtOnce = uint32_t{64} << 10;

class Connection {
 public:
  Connection(const Disk& disk, Stream& stream) : disk_(disk), stream_(stream) {}

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
    const auto reply = buffer(kReplySize + request.length);
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
      const uint32_t piece = std::min(length, kSwallowedAtOnce);
      if (!stream_.receive(buffer(piece))) return false;
      length -= piece;
    }
    return true;
  }

  bool send_status(const Request& request, Status status) {
    std::array<std::byte, kReplySize> wire{};
    encode_reply(wire, request.cookie, status);
    return stream_.send(wire);
  }

  // Grows to the largest request that comes, and then stays.
  std::span<std::byte> buffer(size_t size) {
    if (buffer_.size() < size) buffer_.resize(size);
    return std::span(buffer_).first(size);
  }

  const Disk& disk_;
  Stream& stream_;
  std::vector<std::byte> buffer_;
};

}  // namespace

End serve(const Disk& disk, Stream& stream) { return Connection(disk, stream).run(); }

}  // namespace ploopu::nbd
