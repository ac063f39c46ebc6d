// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/fuse_backend.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/fuse_disk.hpp"
#include "platform/kernel_module.hpp"
#include "platform/loop_device.hpp"
#include "platform/mounts.hpp"
#include "platform/wait.hpp"

namespace ploopu {
namespace {

bool is_mounted(const std::string& file) {
  const auto table = read_mount_table();
  return std::any_of(table.begin(), table.end(),
                     [&](const MountEntry& mount) { return mount.directory == file; });
}

// Who isn't root may only unmount through the set-uid helper of FUSE.
int unmount_by_helper(const std::string& file) {
  std::array<std::string, 4> words = {"fusermount3", "-u", "-q", file};
  std::array<char*, 5> arguments = {words[0].data(), words[1].data(), words[2].data(),
                                    words[3].data(), nullptr};
  pid_t pid = 0;
  int status = 0;
  const int error =
      ::posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), ::environ);
  if (error != 0) return error;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EBUSY;
}

Result<void> unmount_file(const std::string& file) {
  if (!is_mounted(file)) return {};
  int error = 0;
  const auto unmounted = [&] {
    error = ::geteuid() == 0 ? (::umount2(file.c_str(), UMOUNT_NOFOLLOW) == 0 ? 0 : errno)
                             : unmount_by_helper(file);
    return error != EBUSY;
  };
  // A loop device that was freed a moment ago gives its file back a little later.
  constexpr std::chrono::seconds kLimit{3};
  if (wait_until(unmounted, kLimit) && error == 0) return {};
  return fail_errno(error, fmt::format("{}: unmounting", file));
}

class FuseService final : public Service {
 public:
  FuseService(const Disk& disk, const Record& record, const FuseBackend& backend,
              const RuntimeDir& runtime)
      : fuse_(disk), record_(record), backend_(backend), runtime_(runtime) {}

  Result<std::string> start() override {
    const std::string file = runtime_.disk_file(record_.id);
    PLOOPU_CHECK(fuse_.mount(file));
    thread_ = std::thread([this] { fuse_.run(); });
    return file;
  }

  void wait() override { thread_.join(); }

  void stop() override { static_cast<void>(backend_.release(record_, UniqueFd())); }

  void clean_up() override { runtime_.remove(record_.id); }

 private:
  FuseDisk fuse_;
  const Record& record_;
  const FuseBackend& backend_;
  const RuntimeDir& runtime_;
  std::thread thread_;
};

Result<void> require(const char* node, const char* module) {
  if (::access(node, F_OK) == 0) return {};
  PLOOPU_CHECK(load_kernel_module(module, ""));
  if (::access(node, F_OK) == 0) return {};
  return fail(ErrorKind::missing_kernel_part, "there is no {}", node);
}

}  // namespace

Result<void> FuseBackend::prepare(bool as_file) const {
  PLOOPU_CHECK(require("/dev/fuse", "fuse"));
  if (::access("/dev/fuse", R_OK | W_OK) != 0) return fail_errno(errno, "/dev/fuse");
  return as_file ? Result<void>() : require("/dev/loop-control", "loop");
}

Result<ServerProcess> FuseBackend::serve(const Disk& disk, Record& record) const {
  const std::string file = runtime_.disk_file(record.id);
  const UniqueFd created(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!created.valid()) return fail_errno(errno, file);
  FuseService service(disk, record, *this, runtime_);
  std::vector<int> keep;
  for (const auto& delta : disk.deltas()) keep.push_back(delta.file().descriptor());
  PLOOPU_TRY(auto server, ServerProcess::launch(service, keep, "ploopu-fuse"));
  record.device = file;
  if (!record.is_file) {
    PLOOPU_TRY(record.device, attach_loop(file));
  }
  return server;
}

std::string FuseBackend::find_device(const Record& record) const {
  const std::string file = runtime_.disk_file(record.id);
  const auto loops = loops_on(file);
  if (!record.is_file) return loops.empty() ? "" : loops.front();
  return is_mounted(file) ? file : "";
}

Result<void> FuseBackend::release(const Record& record, UniqueFd claim) const {
  const std::string file = runtime_.disk_file(record.id);
  for (const auto& loop : loops_on(file)) {
    UniqueFd fd = std::exchange(claim, UniqueFd());
    if (!fd.valid()) fd.reset(::open(loop.c_str(), O_RDONLY | O_CLOEXEC));
    PLOOPU_CHECK(detach_loop(loop, file, std::move(fd)));
  }
  return unmount_file(file);
}

}  // namespace ploopu
