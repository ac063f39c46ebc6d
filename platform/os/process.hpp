// SPDX-License-Identifier: GPL-2.0-or-later
// Finds, watches and ends processes. A process is identified by its ID and start time, because the
// kernel gives the ID of a dead process to a new one.
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

// Looks up the start time of a process. start_time is 0 if there is no such process, or if it is
// dead but not yet waited for. Fails if the kernel doesn't show the process, for want of a
// descriptor or memory.
[[nodiscard]] Result<ProcessIdentity> identify_process(pid_t pid);

enum class ProcessState {
  ended,
  running,
  stopped,  // by a signal or a debugger
};

// A process that the kernel doesn't show counts as running: nothing that it may serve is removed.
[[nodiscard]] ProcessState state_of(const ProcessIdentity& process);

[[nodiscard]] bool is_alive(const ProcessIdentity& process);

[[nodiscard]] bool is_any_alive(const std::vector<ProcessIdentity>& processes);

// Waits for the end of the process. Returns false if it still runs after `limit`.
[[nodiscard]] bool wait_for_exit(const ProcessIdentity& process, std::chrono::milliseconds limit);

// Waits for the end of the process, and kills it after `limit`. Returns false if it still runs
// after another `limit`: a process can hang in the kernel.
[[nodiscard]] bool end_process(const ProcessIdentity& process, std::chrono::milliseconds limit);

// Call wait_for_exit() or end_process() for each process in turn, with its own `limit` each. Stop
// and return false at the first process that doesn't end.
[[nodiscard]] bool wait_for_exit(const std::vector<ProcessIdentity>& processes,
                                 std::chrono::milliseconds limit);
[[nodiscard]] bool end_processes(const std::vector<ProcessIdentity>& processes,
                                 std::chrono::milliseconds limit);

// Kills the process and all processes of its session whose names begin with the first 10 characters
// of its name, including processes that are started meanwhile. Returns false if any is left after
// `limit`.
[[nodiscard]] bool kill_session(const ProcessIdentity& member, std::chrono::milliseconds limit);

// Returns the bytes on disk that a file takes which the process `pid` has open; 0 if the process
// doesn't have it open or can't be examined. The file may have no name any more.
[[nodiscard]] uint64_t open_file_room(pid_t pid, const FileIdentity& file);

// Closes all descriptors of this process except `keep` and the standard streams. Needs Linux 5.9.
[[nodiscard]] Result<void> close_all_but(std::vector<int> keep);

// Lists the IDs of all processes in /proc, including this process.
[[nodiscard]] std::vector<pid_t> all_processes();

// Describes a process for messages: "dd (pid 812)".
[[nodiscard]] std::string describe_process(pid_t pid);

}  // namespace ploopu
