// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/nbd/nbd_wire.hpp"

namespace ploopu::nbd {
namespace {

constexpr uint32_t kRequestMagic = 0x25609513;
constexpr uint32_t kReplyMagic = 0x67446698;
constexpr uint16_t kForceUnitAccess = 1;

// The wire is big-endian.
template <class T>
T load(std::span<const std::byte> wire, size_t offset) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = value << 8 | std::to_integer<uint64_t>(wire[offset + i]);
  }
  return static_cast<T>(value);
}

template <class T>
void store(std::span<std::byte> wire, size_t offset, T value) {
  for (size_t i = sizeof(T); i-- > 0; value = static_cast<T>(uint64_t{value} >> 8)) {
    wire[offset + i] = static_cast<std::byte>(value & 0xFF);
  }
}

}  // namespace

std::optional<Request> decode_request(std::span<const std::byte, kRequestSize> wire) {
  if (load<uint32_t>(wire, 0) != kRequestMagic) return std::nullopt;
  const auto flags = load<uint16_t>(wire, 4);
  return Request{load<uint16_t>(wire, 6), load<uint64_t>(wire, 8), load<uint64_t>(wire, 16),
                 load<uint32_t>(wire, 24), (flags & kForceUnitAccess) != 0};
}

void encode_reply(std::span<std::byte, kReplySize> wire, uint64_t cookie, Status status) {
  store<uint32_t>(wire, 0, kReplyMagic);
  store<uint32_t>(wire, 4, status);
  store<uint64_t>(wire, 8, cookie);
}

}  // namespace ploopu::nbd
