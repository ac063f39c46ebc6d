// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/nbd/nbd_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <new>
#include <vector>

#include "core/nbd/nbd_wire.hpp"

namespace ploopu::nbd {
namespace {

// Copying less than this costs less than collecting it (bench/RESULTS.md).
constexpr uint32_t kCopied = uint32_t{32} << 10;
// Room for the replies to several requests that came together.
constexpr size_t kReplies = size_t{256} << 10;
// How long a reply may wait for others that leave with it: the next read may be from a slow disk,
// which one is that takes longer.
constexpr std::chrono::milliseconds kPatience{1};
// How long a slow disk is taken for one: what is announced in time is read fast.
constexpr std::chrono::seconds kMemory{1};
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

  // How many requests have come, and one of them.
  [[nodiscard]] size_t waiting() const { return (end_ - start_) / kRequestSize; }
  [[nodiscard]] std::span<const std::byte, kRequestSize> peek(size_t i) const {
    return std::span<const std::byte, kRequestSize>(buffer_.data() + start_ + i * kRequestSize,
                                                    kRequestSize);
  }

  // The data that follows a request, or as much of it as fills `out`. False when the connection is
  // gone before its end.
  [[nodiscard]] bool take(std::span<std::byte> out) {
    const size_t here = std::min(out.size(), end_ - start_);
    std::copy_n(buffer_.begin() + start_, here, out.begin());
    start_ += here;
    for (out = out.subspan(here); !out.empty();) {
      const size_t got = stream_.receive_some(out);
      if (got == 0) return false;
      out = out.subspan(got);
    }
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
  Connection(const ServedDisk& disk, Stream& stream)
      : disk_(disk),
        view_(disk.view()),
        stream_(stream),
        reader_(stream),
        // Not set: memory that no reply uses costs nothing.
        memory_(std::make_unique_for_overwrite<std::byte[]>(kReplies)),
        replies_(memory_.get(), kReplies) {}

  End run() {
    // Replies that are ready are collected, and leave together before the server waits.
    while (reader_.has_request() || wait_for_requests()) {
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

  bool wait_for_requests() {
    if (!flush() || !reader_.wait_for_request()) return false;
    if (Clock::now() - last_slow_ < kMemory) announce();
    return true;
  }

  // Requests are answered one by one, but where the data must come from a slow disk it is fetched
  // for all that are here. A single read in one place is left to the read-ahead of its file.
  void announce() {
    for (size_t i = 0; i < reader_.waiting(); ++i) {
      const auto request = decode_request(reader_.peek(i));
      if (!request || request->command != Command::read) return;
      const bool alone =
          reader_.waiting() == 1 && request->offset < view_.size() &&
          view_.extent_at(request->offset, request->length).length == request->length;
      if (!alone) view_.prefetch(request->offset, request->length);
    }
  }

  // Returns the result of `read`, and remembers when a slow `read` ended.
  template <class Read>
  int timed(Read read) {
    const auto start = Clock::now();
    const int error = read();
    const auto end = Clock::now();
    if (end - start > kPatience) last_slow_ = end;
    return error;
  }

  // False when the connection is gone.
  bool answer(const Request& request) {
    switch (request.command) {
      case Command::read:
        return answer_read(request);
      case Command::write:
        return answer_write(request);
      case Command::flush:
        return answer_flush(request);
      case Command::trim:
      case Command::write_zeroes:
        return answer_change(
            request, disk_.is_refused() ? EIO : disk_.write_zeroes(request.offset, request.length));
      default:
        return answer_status(request, Status::invalid);
    }
  }

  bool answer_read(const Request& request) {
    if (request.length > kMaxRequest) return answer_status(request, Status::invalid);
    if (disk_.is_refused()) return answer_status(request, Status::io_error);
    if (request.length > kCopied) return answer_collected(request);
    if (filled_ > 0 && Clock::now() - first_filled_ > kPatience && !flush()) return false;
    const auto reply = room_for(kReplySize + request.length);
    if (reply.empty()) return false;
    const int error = timed([&] { return view_.read(request.offset, reply.subspan(kReplySize)); });
    if (error != 0) return answer_error(request, error);
    encode_reply(reply.first<kReplySize>(), request.cookie, Status::ok);
    filled_ += reply.size();
    return true;
  }

  // Takes the request's data even after an error, because the next request follows it. Replies that
  // are ready leave first, since a write may take a while; then their memory is free for the data.
  bool answer_write(const Request& request) {
    if (!flush()) return false;
    const bool is_outside =
        request.offset > view_.size() || request.length > view_.size() - request.offset;
    int error = !disk_.is_writable() ? EPERM : is_outside ? EINVAL : disk_.is_refused() ? EIO : 0;
    uint32_t done = 0;
    while (done < request.length) {
      const auto piece = replies_.first(std::min<size_t>(replies_.size(), request.length - done));
      if (!reader_.take(piece)) return false;
      if (error == 0) error = disk_.write(request.offset + done, piece);
      done += static_cast<uint32_t>(piece.size());
    }
    return answer_change(request, error);
  }

  bool answer_change(const Request& request, int error) {
    if (error != 0 || !request.fua) return answer_error(request, error);
    return answer_flush(request);
  }

  // Replies that are ready leave first, since a flush may take a while.
  bool answer_flush(const Request& request) {
    return flush() && answer_error(request, disk_.flush());
  }

  // Replies that are ready leave first, since reading may take a while.
  bool answer_collected(const Request& request) {
    if (!flush()) return false;
    const int error =
        timed([&] { return view_.deliver(request.offset, request.length, stream_.collector()); });
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
    const int error = view_.read(request.offset, all.subspan(kReplySize));
    if (error != 0) return answer_error(request, error);
    encode_reply(all.first<kReplySize>(), request.cookie, Status::ok);
    return stream_.send(all);
  }

  bool answer_error(const Request& request, int error) {
    switch (error) {
      case 0:
        return answer_status(request, Status::ok);
      case EPERM:
        return answer_status(request, Status::not_permitted);
      case EINVAL:
        return answer_status(request, Status::invalid);
      case ENOSPC:
        return answer_status(request, Status::no_space);
      default:
        return answer_status(request, Status::io_error);
    }
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

  const ServedDisk& disk_;
  const DiskView& view_;
  Stream& stream_;
  RequestReader reader_;
  std::unique_ptr<std::byte[]> memory_;
  std::span<std::byte> replies_;
  size_t filled_ = 0;
  Clock::time_point first_filled_;
  Clock::time_point last_slow_;  // the end of the last read that was
};

}  // namespace

End serve(const ServedDisk& disk, Stream& stream) { return Connection(disk, stream).run(); }

}  // namespace ploopu::nbd
