// SPDX-License-Identifier: GPL-2.0-or-later
// The worker: the process that answers the nbd driver's requests. It runs in a sandbox with nothing
// but the files of the image and its sockets, because it handles bytes of strangers.
//
//   PLOOPU_TRY(auto channel, make_message_sockets("nbd: a socket pair"));
//   if (::fork() == 0) run_nbd_worker(disk, std::move(sockets), std::move(channel.theirs));
//   PLOOPU_CHECK(wait_for_nbd_worker(channel.ours));
//   let_nbd_worker_serve(channel.ours);
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

// For the parent, with the other end of `report`: returns when the worker is ready to serve, or
// fails with the reason why it can't. Waits at most 20 seconds.
[[nodiscard]] Result<void> wait_for_nbd_worker(const UniqueFd& report);

// For the parent: lets the worker begin to serve. If the parent closes its end without this call,
// the worker ends.
void let_nbd_worker_serve(const UniqueFd& report);

}  // namespace ploopu
