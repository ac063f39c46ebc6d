// SPDX-License-Identifier: GPL-2.0-or-later
// Messages with file descriptors between processes, over UNIX sockets (unix(7), SCM_RIGHTS).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// The most descriptors that one message takes here.
inline constexpr size_t kMaxMessageDescriptors = 8;

struct MessageSockets {
  UniqueFd ours;
  UniqueFd theirs;
};
// Two connected sockets that keep messages apart (SOCK_SEQPACKET). `what` is for the error.
[[nodiscard]] Result<MessageSockets> make_message_sockets(std::string_view what);

// Sends `text`, which is not empty, with copies of the descriptors. `flags` are those of
// sendmsg(2), MSG_NOSIGNAL among them. False when the other side doesn't take all of the text.
[[nodiscard]] bool send_message(int socket, std::string_view text,
                                const std::vector<int>& descriptors, int flags);

struct Message {
  std::string text;  // empty when the other side is gone
  std::vector<UniqueFd> descriptors;
};
// Waits for a message of at most `max_text` bytes; over a stream, for so many bytes.
[[nodiscard]] Message receive_message(int socket, size_t max_text);

}  // namespace ploopu
