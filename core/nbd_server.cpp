// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/nbd_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <new>
#include <vector>

#include "core/nbd_wire.hpp"

namespace ploopu::nbd {
namespace {

// Copying less than this costs less than collecting it (bench/RESULTS.md).
constexpr uint32_t kCopied = uint32_t{32} << 10;
// Room for the replies to several requests that came together.
constexpr size_t kReplies = size_t{256} << 10;
// How long a reply may wait for others that leave with it: the next read may be from a slow disk.
constexpr std::chrono::milliseconds kPatience{1};
// As many as one call can bring.
constexpr size_t kRequests = 64;

// The bytes of requests, of which one call brings as many as are there.
class RequestReader {
 public:
  explicit RequestReader(Stream& stream) : stream_(stream) {}

  [[nodiscard]] bool has_request() const { return end_ - start_ >= kRequestSize; }

  // False when the connection is gone before a whole request came.
  [[nodiscard]] bool wait_for_request() {
    while (!has_request()) {
      std::copy(buffer_.begin() + start_, buffer_.begin() + end_, buffer_.begin());
      end_ -= start_;
      start_ = 0;
      const size_t got = stream_.receive_some(std::span(buffer_).subspan(end_));
      if (got == 0) return false;
      end_ += got;
    }
    return true;
  }

  // Only if has_request().
  [[nodiscard]] std::span<const std::byte, kRequestSize> next() {
    start_ += kRequestSize;
    return std::span<const std::byte, kRequestSize>(buffer_.data() + start_ - kRequestSize,
                                                    kRequestSize);
  }

  // The data that follows a request. False when the connection is gone before its end.
  [[nodiscard]] bool skip(size_t length) {
    while (length > end_ - start_) {
      length -= end_ - start_;
      start_ = 0;
      end_ = stream_.receive_some(buffer_);
      if (end_ == 0) return false;
    }
    start_ += length;
    return true;
  }

 private:
  Stream& stream_;
  std::array<std::byte, kRequests * kRequestSize> buffer_{};
  size_t start_ = 0;
  size_t end_ = 0;
};

class Connection {
 public:
  Connection(const Disk& disk, Stream& stream)
      : disk_(disk),
        stream_(stream),
        reader_(stream),
        // Not set: memory that no reply uses costs nothing.
        memory_(std::make_unique_for_overwrite<std::byte[]>(kReplies)),
        replies_(memory_.get(), kReplies) {}

  End run() {
    // What can be answered at once leaves at once, all of it together.
    while (reader_.has_request() || (flush() && reader_.wait_for_request())) {
      const auto request = decode_request(reader_.next());
      if (!request) return flush() ? End::out_of_step : End::disconnected;
      if (request->command == Command::disconnect) {
        static_cast<void>(flush());
        break;
      }
      if (!answer(*request)) break;
    }
    return End::disconnected;
  }

 private:
  using Clock = std::chrono::steady_clock;

  // False when the connection is gone.
  bool answer(const Request& request) {
    switch (request.command) {
      case Command::read:
        return answer_read(request);
      case Command::write:
        return flush() && reader_.skip(request.length) &&
               answer_status(request, Status::not_permitted);
      case Command::flush:
        return answer_status(request, Status::ok);
      default:
        return answer_status(request, Status::invalid);
    }
  }

  bool answer_read(const Request& request) {
    if (request.length > kMaxRequest) return answer_status(request, Status::invalid);
    if (request.length > kCopied) return answer_collected(request);
    if (filled_ > 0 && Clock::now() - first_filled_ > kPatience && !flush()) return false;
    const auto reply = room_for(kReplySize + request.length);
    if (reply.empty()) return false;
    const int error = disk_.read(request.offset, reply.subspan(kReplySize));
    if (error != 0) return answer_error(request, error);
    encode_reply(reply.first<kReplySize>(), request.cookie, Status::ok);
    filled_ += reply.size();
    return true;
  }

  // It may take a while: what is ready leaves before.
  bool answer_collected(const Request& request) {
    if (!flush()) return false;
    const int error = disk_.deliver(request.offset, request.length, stream_.collector());
    if (error != 0) stream_.drop_collected();
    if (error == ENOSPC) return answer_with_memory(request);
    if (error != 0) return answer_error(request, error);
    std::array<std::byte, kReplySize> head{};
    encode_reply(head, request.cookie, Status::ok);
    return stream_.send_collected(head);
  }

  // So that the memory isn't kept, there is none for it but what is asked for now.
  bool answer_with_memory(const Request& request) {
    std::vector<std::byte> reply;
    try {
      reply.resize(kReplySize + request.length);
    } catch (const std::bad_alloc&) {
      return answer_status(request, Status::io_error);
    }
    const auto all = std::span(reply);
    const int error = disk_.read(request.offset, all.subspan(kReplySize));
    if (error != 0) return answer_error(request, error);
    encode_reply(all.first<kReplySize>(), request.cookie, Status::ok);
    return stream_.send(all);
  }

  bool answer_error(const Request& request, int error) {
    return answer_status(request, error == EINVAL ? Status::invalid : Status::io_error);
  }

  bool answer_status(const Request& request, Status status) {
    const auto reply = room_for(kReplySize);
    if (reply.empty()) return false;
    encode_reply(reply.first<kReplySize>(), request.cookie, status);
    filled_ += kReplySize;
    return true;
  }

  // Behind the replies that haven't left yet. Empty when the connection is gone.
  std::span<std::byte> room_for(size_t size) {
    if (replies_.size() - filled_ < size && !flush()) return {};
    if (filled_ == 0) first_filled_ = Clock::now();
    return replies_.subspan(filled_, size);
  }

  bool flush() {
    const bool sent = filled_ == 0 || stream_.send(replies_.first(filled_));
    filled_ = 0;
    return sent;
  }

  const Disk& disk_;
  Stream& stream_;
  RequestReader reader_;
  std::unique_ptr<std::byte[]> memory_;
  std::span<std::byte> replies_;
  size_t filled_ = 0;
  Clock::time_point first_filled_;
};

}  // namespace

End serve(const Disk& disk, Stream& stream) { return Connection(disk, stream).run(); }

}  // namespace ploopu::nbd
