// SPDX-License-Identifier: GPL-2.0-or-later
// The process that answers the nbd driver's requests, in a sandbox: it sees bytes of strangers, and
// has nothing but the image's files and its sockets.
#pragma once

#include <vector>

#include "core/base/result.hpp"
#include "core/overlay/served_disk.hpp"
#include "platform/os/heartbeat.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// To be called in a process of its own, which it ends when the driver has let go of all sockets, or
// when one of them brings what is no request. The process counts in `beats` every kBeat, also while
// its threads wait for storage.
[[noreturn]] void run_nbd_worker(const ServedDisk& disk, std::vector<UniqueFd> sockets,
                                 UniqueFd report, Beats& beats) noexcept;

// The other end of its `report`, a pair of SOCK_SEQPACKET: returns when it could serve, or why it
// can't.
[[nodiscard]] Result<void> wait_for_nbd_worker(const UniqueFd& report);

// It begins to serve. When the other end is closed without this, it ends.
void let_nbd_worker_serve(const UniqueFd& report);

}  // namespace ploopu
