// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps an nbd device served whatever happens to its processes. There are three:
//     worker       answers the kernel's requests
//     supervisor   when the worker dies or hangs, plugs in another one; the kernel sends requests
//                  without an answer again, so readers notice a pause and no error
//     standby      when the supervisor dies, or hangs and is killed, becomes the supervisor
// All are forks of each other and so have the disk, which was parsed once, and memory in which each
// counts as long as it lives. A process that stands still is replaced after 2 to 3 seconds.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/overlay/served_disk.hpp"
#include "platform/nbd/nbd_netlink.hpp"
#include "platform/os/heartbeat.hpp"
#include "platform/os/process.hpp"
#include "platform/os/shared_memory.hpp"
#include "platform/os/unique_fd.hpp"
#include "platform/serve/image_watch.hpp"
#include "platform/serve/runtime_dir.hpp"

namespace ploopu {

class NbdSupervisor {
 public:
  // `id` is the attachment's. Both outlive this.
  NbdSupervisor(const ServedDisk& disk, std::string id, const RuntimeDir& runtime)
      : disk_(disk), watch_(disk_), id_(std::move(id)), runtime_(runtime) {}

  // Starts a worker and connects it to a free device, whose number it returns.
  [[nodiscard]] Result<int> start();

  // The same for a device that is connected already, and whose servers, `old` among them, it ends.
  // Requests wait meanwhile. After an error they go on waiting, for who tries again or detaches.
  [[nodiscard]] Result<void> take_over(int index, const std::vector<ProcessIdentity>& old);

  // Sees to it that the device is served, until `control` can be read or the kernel has let go of
  // the device; then its workers have ended. Without a control (-1) there is a standby, too, which
  // returns from this in a process of its own if it becomes the supervisor.
  void run(int control);

  // After run(): no worker is left that could write.
  [[nodiscard]] bool have_all_ended() const { return condemned_.empty(); }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kWorkerExit{
      500};  // for a process that was told to end

  // Lies in memory that all processes share. The supervisor's count is that of whoever it is now.
  struct Pulses {
    Beats worker;
    Beats supervisor;
    Beats standby;
  };

  struct Child {
    [[nodiscard]] bool has_ended() const;

    pid_t pid = 0;
    UniqueFd pidfd;
    std::vector<UniqueFd> sockets;  // a worker's: shut down, the driver takes back what is on them
  };
  // A socket of ours to the driver's end of it.
  struct Pair {
    UniqueFd ours;
    UniqueFd drivers;
  };

  [[nodiscard]] static Result<std::vector<Pair>> make_pairs(size_t count);
  [[nodiscard]] static Result<Child> watch(pid_t pid);
  [[nodiscard]] Result<Child> start_worker(std::vector<UniqueFd> sockets, UniqueFd& report) const;

  [[nodiscard]] bool is_gone() const;
  [[nodiscard]] std::vector<UniqueFd> reconnect() const;
  void plug_in();
  [[nodiscard]] Result<void> prepare();
  void hear_of_links();
  void look_at_pulses();
  void look_at_sockets();
  void condemn_worker();
  void lose_worker();
  [[nodiscard]] bool may_plug_in();
  [[nodiscard]] std::chrono::milliseconds patience() const;
  void end_workers();

  void keep_standby();
  void tell_standby();
  void dismiss_standby();
  [[nodiscard]] bool stand_by(const UniqueFd& channel, const UniqueFd& supervisor);
  void note_processes() const;

  // In stand_by(): waits for a message, or for the end of a supervisor that hangs.
  void wait_for_supervisor(const UniqueFd& channel, const UniqueFd& supervisor);

  const ServedDisk disk_;
  ImageWatch watch_;
  const std::string id_;
  const RuntimeDir& runtime_;
  int index_ = -1;
  size_t connections_ = 0;
  NbdLinkEvents links_;
  std::optional<SharedMemory> memory_;
  Pulses* pulses_ = nullptr;  // in memory_
  HeartbeatWatch worker_pulse_;
  HeartbeatWatch supervisor_pulse_;
  HeartbeatWatch standby_pulse_;
  std::optional<Child> worker_;
  Clock::time_point worker_start_;
  std::vector<Child> condemned_;  // killed, but they hang in the kernel
  std::optional<Child> standby_;
  UniqueFd standby_channel_;
  std::chrono::milliseconds pause_{0};  // between attempts to plug one in
  Clock::time_point next_attempt_;
};

}  // namespace ploopu
