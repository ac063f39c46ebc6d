// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <sstream>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/text.hpp"
#include "platform/os/retry.hpp"
#include "platform/os/sysfs.hpp"
#include "platform/os/unique_fd.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

// The fields of /proc/PID/stat that are used here.
struct ProcessStatus {
  char state = 'X';         // as ps shows it; 'X' for no process
  uint64_t start_time = 0;  // clock ticks since boot
};

// Fails if the kernel doesn't show a process that may exist, as when no descriptor is free.
Result<ProcessStatus> look_at_process(pid_t pid) {
  const std::string path = fmt::format("/proc/{}/stat", pid);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) return ProcessStatus();
  if (!fd.valid()) return fail_errno(errno, path);
  std::array<char, 4096> buffer{};
  const ssize_t got = retry([&] { return ::read(fd.get(), buffer.data(), buffer.size()); });
  if (got < 0 && errno == ESRCH) return ProcessStatus();
  if (got < 0) return fail_errno(errno, path);
  const std::string_view stat(buffer.data(), static_cast<size_t>(got));
  // The name in parentheses may contain parentheses and blanks, so fields are counted from the last
  // ')': the state is field 3, the start time field 22.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return fail_errno(EIO, path);
  std::istringstream fields{std::string(stat.substr(name_end + 1))};
  ProcessStatus status;
  fields >> status.state;
  std::string field;
  for (int number = 4; number < 22; ++number) fields >> field;
  fields >> status.start_time;
  return status;
}

// Perhaps not yet waited for.
bool is_dead(const ProcessStatus& status) { return status.state == 'Z' || status.state == 'X'; }

void kill_process(const ProcessIdentity& process) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  const auto status = look_at_process(process.pid);
  // A process that the kernel doesn't show may be another one with the same number.
  if (!pidfd.valid() || !status || status->start_time != process.start_time) return;
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
}

}  // namespace

Result<ProcessIdentity> identify_process(pid_t pid) {
  const auto status = look_at_process(pid);
  if (!status) return tl::unexpected<Error>(status.error());
  return ProcessIdentity{pid, is_dead(*status) ? 0 : status->start_time};
}

ProcessState state_of(const ProcessIdentity& process) {
  if (process.pid <= 0 || process.start_time == 0) return ProcessState::ended;
  const auto status = look_at_process(process.pid);
  if (!status) return ProcessState::running;
  if (is_dead(*status) || status->start_time != process.start_time) return ProcessState::ended;
  const bool is_stopped = status->state == 'T' || status->state == 't';
  return is_stopped ? ProcessState::stopped : ProcessState::running;
}

bool is_alive(const ProcessIdentity& process) { return state_of(process) != ProcessState::ended; }

bool is_any_alive(const std::vector<ProcessIdentity>& processes) {
  return std::any_of(processes.begin(), processes.end(), is_alive);
}

bool wait_for_exit(const ProcessIdentity& process, std::chrono::milliseconds limit) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!is_alive(process)) return true;
  // As when no descriptor is free.
  if (!pidfd.valid()) return wait_until([&] { return !is_alive(process); }, limit);
  struct pollfd event = {pidfd.get(), POLLIN, 0};
  return ::poll(&event, 1, static_cast<int>(limit.count())) == 1;
}

bool end_process(const ProcessIdentity& process, std::chrono::milliseconds limit) {
  if (wait_for_exit(process, limit)) return true;
  kill_process(process);
  return wait_for_exit(process, limit);
}

bool wait_for_exit(const std::vector<ProcessIdentity>& processes, std::chrono::milliseconds limit) {
  return std::all_of(processes.begin(), processes.end(),
                     [&](const auto& process) { return wait_for_exit(process, limit); });
}

bool end_processes(const std::vector<ProcessIdentity>& processes, std::chrono::milliseconds limit) {
  return std::all_of(processes.begin(), processes.end(),
                     [&](const auto& process) { return end_process(process, limit); });
}

namespace {

std::vector<ProcessIdentity> session_of(pid_t session, const std::string& name) {
  std::vector<ProcessIdentity> members;
  for (const pid_t pid : all_processes()) {
    if (::getsid(pid) != session) continue;
    const auto comm = read_attribute(fmt::format("/proc/{}/comm", pid));
    const auto process = identify_process(pid);
    if (!comm || !comm->starts_with(name) || !process) continue;
    if (is_alive(*process)) members.push_back(*process);
  }
  return members;
}

}  // namespace

bool kill_session(const ProcessIdentity& member, std::chrono::milliseconds limit) {
  constexpr size_t kCommonName = 10;  // length of "ploopu-nbd" in "ploopu-nbd-work"
  const pid_t session = ::getsid(member.pid);
  const auto name = read_attribute(fmt::format("/proc/{}/comm", member.pid));
  if (!name || session <= 0 || !is_alive(member)) return true;
  return wait_until(
      [&] {
        const auto left = session_of(session, name->substr(0, kCommonName));
        std::for_each(left.begin(), left.end(), kill_process);
        return left.empty();
      },
      limit);
}

uint64_t open_file_room(pid_t pid, const FileIdentity& file) {
  const std::string directory = fmt::format("/proc/{}/fd/", pid);
  for (const auto& name : list_directory(directory)) {
    struct stat status = {};
    if (::stat((directory + name).c_str(), &status) != 0) continue;
    if (FileIdentity{status.st_dev, status.st_ino} != file) continue;
    return static_cast<uint64_t>(status.st_blocks) * 512;
  }
  return 0;
}

Result<void> close_all_but(std::vector<int> keep) {
  keep.insert(keep.end(), {0, 1, 2});
  std::sort(keep.begin(), keep.end());
  for (size_t i = 0; i < keep.size(); ++i) {
    const auto first = static_cast<unsigned>(keep[i]) + 1;
    const unsigned last = i + 1 < keep.size() ? static_cast<unsigned>(keep[i + 1]) - 1 : UINT_MAX;
    if (first <= last && ::syscall(SYS_close_range, first, last, 0) != 0) {
      return fail_errno(errno, "close_range (Linux 5.9)");
    }
  }
  return {};
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  for (const auto& name : list_directory("/proc")) {
    if (const auto pid = parse_number(name)) pids.push_back(static_cast<pid_t>(*pid));
  }
  return pids;
}

std::string describe_process(pid_t pid) {
  const auto name = read_attribute(fmt::format("/proc/{}/comm", pid));
  return fmt::format("{} (pid {})", name.value_or("a process"), pid);
}

}  // namespace ploopu
