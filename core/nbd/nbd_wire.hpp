// SPDX-License-Identifier: GPL-2.0-or-later
// Requests and simple replies of NBD's transmission phase, which is all that the kernel's client
// speaks on a socket it is given. Source: the NBD project's doc/proto.md; linux/nbd.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ploopu::nbd {

inline constexpr size_t kRequestSize = 28;
inline constexpr size_t kReplySize = 16;

enum Command : uint16_t {
  read = 0,
  write = 1,
  disconnect = 2,
  flush = 3,
  trim = 4,
  write_zeroes = 6,
};

// Error numbers of the protocol, which are those of Linux.
enum Status : uint32_t { ok = 0, not_permitted = 1, io_error = 5, invalid = 22, no_space = 28 };

struct Request {
  uint16_t command = 0;
  uint64_t cookie = 0;  // comes back in the reply
  uint64_t offset = 0;  // bytes
  uint32_t length = 0;  // bytes
  bool fua = false;     // the written data must be on stable storage before the reply
};

// Decodes a request. Nothing when the magic is wrong: the stream is out of step, and the connection
// must end.
[[nodiscard]] std::optional<Request> decode_request(std::span<const std::byte, kRequestSize> wire);

void encode_reply(std::span<std::byte, kReplySize> wire, uint64_t cookie, Status status);

}  // namespace ploopu::nbd
