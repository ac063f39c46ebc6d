// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps an nbd device served whatever happens to its processes. There are three:
//     worker       answers the kernel's requests
//     supervisor   when the worker dies or hangs, plugs in another one; the kernel sends requests
//                  without an answer again, so readers notice a pause and no error
//     standby      when the supervisor dies, or hangs and is killed, becomes the supervisor
// The supervisor forks the two others, so all three share the disk, which was parsed once, and
// memory in which each process increments a counter. A process whose counter stands still is
// replaced after 2 to 3 seconds.
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
  // `id` is the id of the attachment. `runtime`, and the parts to which `disk` refers, must outlive
  // the object.
  NbdSupervisor(const ServedDisk& disk, std::string id, const RuntimeDir& runtime)
      : disk_(disk), watch_(disk_), id_(std::move(id)), runtime_(runtime) {}

  // Starts a worker and connects it to a free device, whose number it returns.
  [[nodiscard]] Result<int> start();

  // Takes over device `index`, which is connected already: kills its servers, `old` and all other
  // processes of their sessions, and starts a worker. Requests wait meanwhile. After an error the
  // requests go on waiting, until another take_over() or a detach.
  [[nodiscard]] Result<void> take_over(int index, const std::vector<ProcessIdentity>& old);

  // Keeps the device served until the file descriptor `control` is readable, or until the device is
  // disconnected; in the latter case ends the workers. If `control` is -1, run() also keeps a
  // standby. A standby that has become the supervisor returns from run() in its own process.
  void run(int control);

  // After run(): true if no worker is left that could still write.
  [[nodiscard]] bool have_all_ended() const { return condemned_.empty(); }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kWorkerExit{
      500};  // for a process that was told to end

  // Lies in memory that all processes share. The process that is the supervisor at the time
  // increments `supervisor`.
  struct Pulses {
    Beats worker;
    Beats supervisor;
    Beats standby;
  };

  struct Child {
    [[nodiscard]] bool has_ended() const;

    pid_t pid = 0;
    UniqueFd pidfd;
    // The worker's sockets. When they are shut down, the driver sends unanswered requests again.
    std::vector<UniqueFd> sockets;
  };
  // Two connected sockets, for our worker and for the driver.
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
  std::vector<Child> condemned_;  // workers that were killed but may still hang in the kernel
  std::optional<Child> standby_;
  UniqueFd standby_channel_;
  std::chrono::milliseconds pause_{0};  // between attempts to plug in a worker
  Clock::time_point next_attempt_;
};

}  // namespace ploopu
