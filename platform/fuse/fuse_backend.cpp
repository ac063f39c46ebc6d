// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/fuse/fuse_backend.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/list.hpp"
#include "platform/block/block_device.hpp"
#include "platform/block/loop_device.hpp"
#include "platform/block/mounts.hpp"
#include "platform/fuse/fuse_disk.hpp"
#include "platform/kernel/module_loader.hpp"
#include "platform/os/queue_settings.hpp"
#include "platform/os/retry.hpp"
#include "platform/os/wait.hpp"
#include "platform/serve/image_watch.hpp"

namespace ploopu {
namespace {

bool is_mounted(const std::string& file, const BlockSnapshot& now) {
  return std::any_of(now.mounts().begin(), now.mounts().end(),
                     [&](const MountEntry& mount) { return mount.directory == file; });
}

// Unmounts as a user other than root, which only the set-uid program fusermount3 can do.
int unmount_by_helper(const std::string& file) {
  std::array<std::string, 4> words = {"fusermount3", "-u", "-q", file};
  std::array<char*, 5> arguments = {words[0].data(), words[1].data(), words[2].data(),
                                    words[3].data(), nullptr};
  pid_t pid = 0;
  int status = 0;
  posix_spawn_file_actions_t quietly;
  ::posix_spawn_file_actions_init(&quietly);
  ::posix_spawn_file_actions_addopen(&quietly, 2, "/dev/null", O_WRONLY, 0);
  const int error =
      ::posix_spawnp(&pid, arguments[0], &quietly, nullptr, arguments.data(), ::environ);
  ::posix_spawn_file_actions_destroy(&quietly);
  if (error != 0) return error;
  // The helper ends soon: an unmount doesn't wait for the FUSE server, even if that hangs.
  retry([&] { return ::waitpid(pid, &status, 0); });
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EBUSY;
}

Result<void> unmount_file(const std::string& file) {
  const bool is_root = ::geteuid() == 0;
  // Root always tries to unmount: if the mount table can't be read, a look there finds no mount and
  // the file stays mounted.
  if (!is_root && !is_mounted(file, BlockSnapshot())) return {};
  int error = 0;
  const auto unmounted = [&] {
    error = is_root ? (::umount2(file.c_str(), UMOUNT_NOFOLLOW) == 0 ? 0 : errno)
                    : unmount_by_helper(file);
    if (is_root && (error == EINVAL || error == ENOENT)) error = 0;  // the file isn't mounted
    return error != EBUSY;
  };
  // A loop device closes its file a little after the command that frees the device.
  constexpr std::chrono::seconds kLimit{3};
  if (wait_until(unmounted, kLimit) && error == 0) return {};
  if (!is_root) {
    return fail(ErrorKind::busy, "{}: fusermount3 can't unmount it: in use, or no /etc/mtab", file);
  }
  return fail_errno(error, fmt::format("{}: unmounting", file));
}

class FuseService final : public Service {
 public:
  FuseService(const ServedDisk& disk, const Record& record, const FuseBackend& backend,
              const RuntimeDir& runtime)
      : disk_(disk), fuse_(disk_), record_(record), backend_(backend), runtime_(runtime) {}

  Result<std::string> start() override {
    const std::string file = runtime_.disk_file(record_.id);
    PLOOPU_CHECK(fuse_.mount(file));
    thread_ = std::thread([this] {
      fuse_.run();
      end_.set_value();
    });
    return file;
  }

  void wait() override {
    ImageWatch watch(disk_);
    const auto end = end_.get_future();
    while (end.wait_for(watch.due()) != std::future_status::ready) watch.look();
    thread_.join();
    static_cast<void>(disk_.close());  // detach finds out if the overlay file isn't closed
  }

  Result<void> stop() override { return backend_.release(record_); }

  // After an aborted FUSE connection the loop device still exists, and the record with it.
  void clean_up() override {
    if (backend_.find_device(record_, BlockSnapshot()).empty()) runtime_.remove(record_.id);
  }

 private:
  const ServedDisk disk_;
  FuseDisk fuse_;
  const Record& record_;
  const FuseBackend& backend_;
  const RuntimeDir& runtime_;
  std::thread thread_;
  std::promise<void> end_;  // set when the thread has served its last request
};

}  // namespace

BackendReport FuseBackend::survey(const HostFacts& host, bool as_file) {
  BackendReport report{"fuse", true, "", {}};
  const bool is_there = host.kernel().has_misc_device("fuse");
  if (!host.need(report, is_there, "fuse", "CONFIG_FUSE_FS") ||
      (is_there && !host.need_node(report, "/dev/fuse"))) {
    return report;
  }
  if (!host.asked().is_root) {
    report.reason = "without root only as a file: 'ploopu attach --backend fuse --no-loop'";
  } else if (!as_file && host.need_rights(report)) {
    static_cast<void>(host.need_loop(report));
  }
  return report;
}

Result<void> FuseBackend::prepare(bool as_file) const {
  PLOOPU_CHECK(require_driver("/dev/fuse", "fuse"));
  return as_file ? Result<void>() : require_driver("/dev/loop-control", "loop");
}

Result<std::optional<ServerProcess>> FuseBackend::serve(const ServedDisk& disk,
                                                        const DiskLayout& layout, Record& record,
                                                        int lock) const {
  const std::string file = runtime_.disk_file(record.id);
  const UniqueFd created(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!created.valid()) return fail_errno(errno, file);
  FuseService service(disk, record, *this, runtime_);
  PLOOPU_TRY(auto server,
             ServerProcess::launch(service, disk.view().file_descriptors(), lock, "ploopu-fuse"));
  record.device = file;
  if (!record.is_file) {
    PLOOPU_TRY(record.device, attach_loop(file, disk.is_writable(), !layout.is_excessive));
    record.queue = tune_queue(record.device);
  }
  return std::optional(std::move(server));
}

std::string FuseBackend::backing_file(const Record& record) const {
  return record.is_file ? "" : runtime_.disk_file(record.id);
}

// Other programs can make loop devices on the file, too: only the device in the record is ours.
std::string FuseBackend::find_device(const Record& record, const BlockSnapshot& now) const {
  const std::string file = runtime_.disk_file(record.id);
  if (!record.is_file) {
    const auto loops = now.loops_on(file);
    if (!record.device.empty()) return contains(loops, record.device) ? record.device : "";
    if (!loops.empty()) return loops.front();
  }
  return is_mounted(file, now) ? file : "";
}

// The kernel aborts the connection when root asks for a forced unmount, or when the server is dead.
// The server ends by itself then, unless it is stopped. A file in use stays mounted, except that
// one without a loop device vanishes from the directory tree.
Result<void> FuseBackend::cut_off(const Record& record) const {
  constexpr std::chrono::seconds kLimit{1};
  const int flags = UMOUNT_NOFOLLOW | MNT_FORCE | (record.is_file ? MNT_DETACH : 0);
  const bool is_aborted =
      ::geteuid() == 0 &&
      (::umount2(runtime_.disk_file(record.id).c_str(), flags) == 0 || errno == EBUSY);
  // A server that hangs in the kernel may outlive this; detach waits for it longer.
  static_cast<void>(end_processes(record.servers, is_aborted ? kLimit : std::chrono::seconds(0)));
  return {};
}

Result<void> FuseBackend::release(const Record& record) const {
  const std::string file = runtime_.disk_file(record.id);
  if (const std::string device = find_device(record, BlockSnapshot());
      !device.empty() && device != file) {
    PLOOPU_TRY(auto claim, claim_disk(device));
    // Meanwhile another process may have freed the device, and a third may use its number.
    if (find_device(record, BlockSnapshot()) != device) return unmount_file(file);
    if (!record.overlay_file.empty() && is_any_alive(record.servers))
      PLOOPU_CHECK(flush_disk(claim, device));
    restore_queue(device, record.queue);
    if (!finds_partitions(device)) remove_partitions(claim, device);
    PLOOPU_CHECK(detach_loop(device, file, std::move(claim)));
  }
  return unmount_file(file);
}

}  // namespace ploopu
