// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/descriptor_message.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/uio.h>

#include "platform/os/retry.hpp"

namespace ploopu {
namespace {

union Control {
  cmsghdr header;
  std::array<char, CMSG_SPACE(kMaxMessageDescriptors * sizeof(int))> room;
};

}  // namespace

Result<MessageSockets> make_message_sockets(std::string_view what) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, what);
  }
  return MessageSockets{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

bool send_message(int socket, std::string_view text, const std::vector<int>& descriptors,
                  int flags) {
  iovec data = {const_cast<char*>(text.data()), text.size()};
  Control control{};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const size_t size = descriptors.size() * sizeof(int);
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), descriptors.data(), size);
  }
  const ssize_t sent = retry([&] { return ::sendmsg(socket, &message, flags | MSG_NOSIGNAL); });
  return sent == static_cast<ssize_t>(text.size());
}

Message receive_message(int socket, size_t max_text) {
  Message received;
  received.text.resize(max_text);
  iovec data = {received.text.data(), received.text.size()};
  Control control{};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  const ssize_t got = retry([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  received.text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  const cmsghdr* header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return received;
  const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < count; ++i) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
    received.descriptors.emplace_back(descriptor);
  }
  return received;
}

}  // namespace ploopu
