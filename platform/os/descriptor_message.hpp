// SPDX-License-Identifier: GPL-2.0-or-later
// Messages with file descriptors between processes, over UNIX sockets (unix(7), SCM_RIGHTS).
//
//   PLOOPU_TRY(auto ends, make_message_sockets("a control socket"));
//   send_message(ends.ours.get(), "take this", {file}, 0);          // in one process
//   const Message got = receive_message(ends.theirs.get(), 64);     // in another one
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// A message carries at most this number of descriptors.
inline constexpr size_t kMaxMessageDescriptors = 8;

struct MessageSockets {
  UniqueFd ours;
  UniqueFd theirs;
};
// Creates two connected sockets that keep messages apart (SOCK_SEQPACKET). `what` names them in the
// error.
[[nodiscard]] Result<MessageSockets> make_message_sockets(std::string_view what);

// Sends `text`, which must not be empty, with copies of at most kMaxMessageDescriptors descriptors;
// the caller keeps its own. MSG_NOSIGNAL is added to `flags`, the flags of sendmsg(2). Returns
// false if the other side doesn't take all of the text.
[[nodiscard]] bool send_message(int socket, std::string_view text,
                                const std::vector<int>& descriptors, int flags);

struct Message {
  std::string text;  // empty if the other side is gone, or after an error
  std::vector<UniqueFd> descriptors;
};
// Waits, without a limit, for a message of at most `max_text` bytes. On a stream socket it returns
// what has come of so many. The message owns the descriptors, which are close-on-exec.
[[nodiscard]] Message receive_message(int socket, size_t max_text);

}  // namespace ploopu
