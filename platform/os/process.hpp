// SPDX-License-Identifier: GPL-2.0-or-later
// Processes are named by ID and start time: an ID alone may have been given to another one since.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/base/result.hpp"
#include "core/files/file_system.hpp"

namespace ploopu {

struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time = 0;  // clock ticks since boot, field 22 of /proc/PID/stat
};

// start_time is 0 when there is no such process.
[[nodiscard]] ProcessIdentity identify_process(pid_t pid);

[[nodiscard]] bool is_alive(const ProcessIdentity& process);

[[nodiscard]] bool is_any_alive(const std::vector<ProcessIdentity>& processes);

// Waits for the end of the process. False when it still runs after `limit`.
[[nodiscard]] bool wait_for_exit(const ProcessIdentity& process, std::chrono::milliseconds limit);

// Waits for the end of the process, and kills it after `limit`. False when even that doesn't end it
// within another `limit`.
[[nodiscard]] bool end_process(const ProcessIdentity& process, std::chrono::milliseconds limit);

// Both for each of the processes, one after the other.
[[nodiscard]] bool wait_for_exit(const std::vector<ProcessIdentity>& processes,
                                 std::chrono::milliseconds limit);
[[nodiscard]] bool end_processes(const std::vector<ProcessIdentity>& processes,
                                 std::chrono::milliseconds limit);

// Kills the process and all others of its session whose names begin as its own does, also those
// that they still start meanwhile. False when some are left after `limit`.
[[nodiscard]] bool kill_session(const ProcessIdentity& member, std::chrono::milliseconds limit);

// Bytes that a file which the process has open takes on its disk; 0 when it hasn't.
[[nodiscard]] uint64_t open_file_room(pid_t pid, const FileIdentity& file);

// Closes all descriptors of this process but these and the standard streams. Linux 5.9 or later.
[[nodiscard]] Result<void> close_all_but(std::vector<int> keep);

// All processes that this one sees, itself among them.
[[nodiscard]] std::vector<pid_t> all_processes();

// "dd (pid 812)".
[[nodiscard]] std::string describe_process(pid_t pid);

}  // namespace ploopu
