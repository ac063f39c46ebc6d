// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/nbd/socket_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include <sys/socket.h>

#include "platform/os/retry.hpp"

namespace ploopu {
namespace {

// At least twice the largest request (queue_settings.hpp): a cluster can begin within a page, which
// takes more slots of the pipe.
constexpr size_t kPipe = size_t{8} << 20;
// Pages of the page cache count as memory of the socket while they are in it. A reply that fits
// into the buffer is sent without waiting for the other end.
constexpr int kSocketBuffer = 4 << 20;

// The limits and the rule of the kernel's polling in KVM (halt_poll_ns).
constexpr std::chrono::microseconds kLongestPatience{200};
constexpr std::chrono::microseconds kFirstPatience{25};

}  // namespace

SocketStream::SocketStream(UniqueFd socket) : socket_(std::move(socket)), pages_(kPipe) {
  // If neither call is permitted, replies are only slower.
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSocketBuffer,
                   sizeof kSocketBuffer) != 0) {
    static_cast<void>(
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer));
  }
}

// Returns 0 at the end, after an error, and if nothing is there with MSG_DONTWAIT; errno is EAGAIN
// then. Without MSG_DONTWAIT it waits for a request as long as the device has this connection.
size_t SocketStream::receive(std::span<std::byte> out, int flags) {
  const ssize_t got = retry([&] { return ::recv(socket_.get(), out.data(), out.size(), flags); });
  if (got == 0) errno = 0;
  return got < 0 ? 0 : static_cast<size_t>(got);
}

size_t SocketStream::receive_some(std::span<std::byte> out) {
  const auto start = Clock::now();
  while (patience_ > Clock::duration::zero() && Clock::now() - start < patience_) {
    const size_t got = receive(out, MSG_DONTWAIT);
    if (got > 0 || errno != EAGAIN) return got;
  }
  const size_t got = receive(out, 0);
  const bool was_short = has_processors_ && Clock::now() - start < kLongestPatience;
  patience_ = was_short
                  ? std::clamp<Clock::duration>(2 * patience_, kFirstPatience, kLongestPatience)
                  : Clock::duration::zero();
  return got;
}

bool SocketStream::send_all(std::span<const std::byte> data, int flags) {
  while (!data.empty()) {
    const ssize_t sent = retry(
        [&] { return ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL | flags); });
    if (sent <= 0) return false;
    data = data.subspan(static_cast<size_t>(sent));
  }
  return true;
}

bool SocketStream::send(std::span<const std::byte> data) { return send_all(data, 0); }

bool SocketStream::send_collected(std::span<const std::byte> head) {
  return send_all(head, MSG_MORE) && pages_.move_to(socket_.get());
}

}  // namespace ploopu
