// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/host_image_use.hpp"

#include <algorithm>
#include <cstdint>
#include <sstream>

#include "core/base/text.hpp"
#include "platform/block/mounts.hpp"
#include "platform/files/posix_file_system.hpp"
#include "platform/os/file_locks.hpp"
#include "platform/os/process.hpp"
#include "platform/os/sysfs.hpp"

namespace ploopu {
namespace {

// Bytes that QEMU's file-posix driver locks for its own actions: while it writes, and while it
// resizes. The bytes from 200 on stand for actions that it forbids to others; readers lock these as
// well.
constexpr uint64_t kQemuWrites = 101;
constexpr uint64_t kQemuResizes = 103;
// The first bytes of the ranges that libploop locks on a base, 200 to 204 and 300 to 304
// (docs/FORMAT.md#locks). QEMU never locks byte 300, and byte 200 only to keep out readers as well.
constexpr uint64_t kPloopOperation = 200;
constexpr uint64_t kPloopLongOperation = 300;

constexpr size_t kMaxPidFile = 4096;

std::string first_word(const std::string& text) {
  std::istringstream words(text);
  std::string word;
  words >> word;
  return word;
}

bool add_byte_lock(const Delta& delta, uint64_t byte, const char* what, std::vector<Use>& uses) {
  const auto holder = find_byte_lock_holder(delta.file().descriptor(), byte);
  if (!holder) return false;
  uses.push_back({UseKind::writing, fmt::format("{} {} {}", *holder, what, delta.name())});
  return true;
}

void add_pid_file(const std::string& path, std::vector<Use>& uses) {
  const auto pid = parse_number(
      first_word(PosixFileSystem().read_text(path, kMaxPidFile).value_or(TextFile()).text));
  if (!pid || *pid == 0 || *pid > INT32_MAX) return;
  const auto process = identify_process(static_cast<pid_t>(*pid));
  if (process && process->start_time == 0) return;  // the process is dead
  uses.push_back({UseKind::writing, fmt::format("{} works on the container, according to {}",
                                                describe_process(static_cast<pid_t>(*pid)), path)});
}

}  // namespace

void HostImageUses::add_kernel_evidence(const std::string& ctid, std::vector<Use>& uses) const {
  const std::string veinfo = "/proc/vz/veinfo";
  std::istringstream lines(read_attribute(prefix_ + veinfo).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (first_word(line) != ctid) continue;
    uses.push_back(
        {UseKind::running, fmt::format("container {} is running, according to {}", ctid, veinfo)});
  }
  const std::string groups = "/sys/fs/cgroup";
  for (const std::string above : {"/ve/", "/ve/machine.slice/", "/machine.slice/"}) {
    const std::string file = fmt::format("{}{}{}/ve.state", groups, above, ctid);
    const auto state = read_attribute(prefix_ + file);
    if (!state || *state == "STOPPED") continue;
    uses.push_back(
        {UseKind::running, fmt::format("container {} is {}, according to {}", ctid, *state, file)});
  }
  // On a kernel without OpenVZ, vzctl 4 makes a cgroup with the CTID as its name in each hierarchy.
  for (const auto& hierarchy : list_directory(prefix_ + groups)) {
    const std::string file = fmt::format("{}/{}/{}/tasks", groups, hierarchy, ctid);
    if (first_word(read_attribute(prefix_ + file).value_or("")).empty()) continue;
    uses.push_back(
        {UseKind::running, fmt::format("container {} has processes, according to {}", ctid, file)});
    break;
  }
}

void HostImageUses::add_ploop_devices(const Disk& disk, std::vector<Use>& uses) const {
  const std::string blocks = prefix_ + "/sys/block/";
  const auto is_ours = [&](const std::string& path) {
    return std::any_of(disk.deltas().begin(), disk.deltas().end(),
                       [&](const Delta& delta) { return delta.name() == path; });
  };
  for (const auto& device : list_directory(blocks)) {
    const std::string levels = blocks + device + "/pdelta/";
    for (const auto& level : list_directory(levels)) {
      const auto image = read_attribute(levels + level + "/image");
      if (!image || !is_ours(*image)) continue;
      if (read_attribute(levels + level + "/ro") == "1") continue;  // below the top, or read-only
      uses.push_back({UseKind::running, fmt::format("/dev/{} writes to {}", device, *image)});
    }
    if (!device.starts_with("dm-")) continue;
    const auto name = read_attribute(blocks + device + "/dm/name");
    if (!name || !name->starts_with("ploop")) continue;
    uses.push_back({UseKind::trace,
                    fmt::format("this host has a ploop device, /dev/mapper/{}, which may be this "
                                "image: the kernel doesn't tell",
                                *name)});
  }
}

std::vector<Use> HostImageUses::of_places(const UsePlaces& places) const {
  std::vector<Use> uses;
  for (const auto& path : places.flocks) {
    if (const auto holder = find_flock_holder(path)) {
      uses.push_back({UseKind::writing, fmt::format("{} has locked {}", *holder, path)});
    }
  }
  if (!places.ctid) return uses;
  add_kernel_evidence(*places.ctid, uses);
  for (const auto& path : places.pid_files) add_pid_file(path, uses);
  for (const auto& mount :
       read_mount_table(prefix_ + "/proc/self/mountinfo").value_or(std::vector<MountEntry>())) {
    if (mount.directory != places.mount_root) continue;
    uses.push_back(
        {UseKind::trace,
         fmt::format("{} is mounted on {}, where the container's files are while it runs",
                     mount.source, mount.directory)});
  }
  return uses;
}

std::vector<Use> HostImageUses::of_disk(const Disk& disk) const {
  std::vector<Use> uses;
  for (const auto& delta : disk.deltas()) {
    // Stops at the first lock: the search for a holder looks at all processes.
    if (add_byte_lock(delta, kQemuWrites, "has opened for writing:", uses)) break;
    if (add_byte_lock(delta, kQemuResizes, "resizes", uses)) break;
  }
  const Delta& base = disk.deltas().front();
  add_byte_lock(base, kPloopOperation, "has locked", uses);
  add_byte_lock(base, kPloopLongOperation, "has locked for a long operation:", uses);
  add_ploop_devices(disk, uses);
  return uses;
}

}  // namespace ploopu
