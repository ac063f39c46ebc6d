// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/file_locks.hpp"

#include <cerrno>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/base/text.hpp"
#include "platform/os/process.hpp"
#include "platform/os/sysfs.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

// A line of /proc/PID/fdinfo/FD: "lock: 1: OFDLCK ADVISORY WRITE -1 08:01:1234 101 101". On some
// file systems its device number differs from st_dev, so holders are found by the inode alone.
struct LockLine {
  std::string type;
  std::string mode;
  uint64_t inode = 0;
  uint64_t first = 0;
  uint64_t last = UINT64_MAX;
};

std::optional<LockLine> parse_lock_line(const std::string& text) {
  std::istringstream words(text);
  std::string label;
  std::string number;
  std::string advisory;
  std::string pid;
  std::string file;
  std::string first;
  std::string last;
  LockLine line;
  words >> label >> number >> line.type >> advisory >> line.mode >> pid >> file >> first >> last;
  if (!words || label != "lock:") return std::nullopt;
  line.inode = parse_number(file.substr(file.rfind(':') + 1)).value_or(0);
  line.first = parse_number(first).value_or(0);
  line.last = parse_number(last).value_or(UINT64_MAX);  // "EOF"
  return line;
}

// Describes the process that has a descriptor with a lock for which `matches` is true. An OFD lock
// belongs to a descriptor: no other file of /proc names its owner. Users other than root see only
// their own processes.
template <class Matches>
std::string describe_holder(Matches matches) {
  for (const pid_t pid : all_processes()) {
    const std::string directory = fmt::format("/proc/{}/fdinfo/", pid);
    for (const auto& fd : list_directory(directory)) {
      std::istringstream lines(read_attribute(directory + fd).value_or(""));
      for (std::string text; std::getline(lines, text);) {
        const auto line = parse_lock_line(text);
        if (line && matches(*line)) return describe_process(pid);
      }
    }
  }
  return "a process that can't be seen from here";
}

std::optional<uint64_t> inode_of(int descriptor) {
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return status.st_ino;
}

}  // namespace

std::optional<std::string> find_flock_holder(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW;
  const UniqueFd fd(::open(path.c_str(), kFlags));
  const auto inode = fd.valid() ? inode_of(fd.get()) : std::nullopt;
  if (!inode) return std::nullopt;
  // A shared lock for a moment is the only way to ask; closing the file releases it.
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return std::nullopt;
  return describe_holder(
      [&](const LockLine& line) { return line.inode == *inode && line.mode == "WRITE"; });
}

std::optional<std::string> find_byte_lock_holder(int descriptor, uint64_t byte) {
  const auto inode = inode_of(descriptor);
  if (!inode) return std::nullopt;
  struct flock lock = {};
  lock.l_type = F_WRLCK;  // conflicts with locks for reading, too
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  if (::fcntl(descriptor, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  if (lock.l_pid > 0) return describe_process(lock.l_pid);
  return describe_holder([&](const LockLine& line) {
    return line.inode == *inode && line.type != "FLOCK" && line.first <= byte && byte <= line.last;
  });
}

}  // namespace ploopu
