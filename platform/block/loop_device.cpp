// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/loop_device.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/base/path.hpp"
#include "core/format/ploop_header.hpp"
#include "platform/os/sysfs.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

constexpr char kControl[] = "/dev/loop-control";
// Another process may take the free device before we bind it: then the next one is tried.
constexpr int kAttempts = 64;
constexpr std::chrono::seconds kReleaseLimit{10};

// The driver drops the flag without an error if the file system has no direct I/O.
Result<void> check_direct(const LoopDevice& loop, const std::string& name) {
  struct loop_info64 info = {};
  if (::ioctl(loop.fd.get(), LOOP_GET_STATUS64, &info) != 0) return fail_errno(errno, loop.node);
  if ((info.lo_flags & LO_FLAGS_DIRECT_IO) != 0) return {};
  return fail(ErrorKind::missing_kernel_part,
              "{}: its file system has no direct I/O in blocks of 512 bytes, without which the "
              "loop driver turns read errors into zeros",
              name);
}

// Binds a free loop device to `file`. `flags` are LO_FLAGS_*; `name` is the file in messages and
// for losetup(8).
Result<LoopDevice> bind_free_loop(int file, const std::string& name, uint32_t flags) {
  const UniqueFd control(::open(kControl, O_RDWR | O_CLOEXEC));
  if (!control.valid()) return fail_errno(errno, kControl);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return fail_errno(errno, "finding a free loop device");
    LoopDevice loop;
    loop.node = fmt::format("/dev/loop{}", number);
    // The driver of Linux 6.1 makes the device read-only if its node was opened without O_RDWR.
    const int mode = (flags & LO_FLAGS_READ_ONLY) != 0 ? O_RDONLY : O_RDWR;
    loop.fd = UniqueFd(::open(loop.node.c_str(), mode | O_CLOEXEC));
    if (!loop.fd.valid()) return fail_errno(errno, loop.node);
    struct loop_config config = {};
    config.fd = static_cast<__u32>(file);
    config.block_size = kSectorSize;
    config.info.lo_flags = LO_FLAGS_DIRECT_IO | flags;
    std::strncpy(reinterpret_cast<char*>(config.info.lo_file_name), name.c_str(), LO_NAME_SIZE - 1);
    if (::ioctl(loop.fd.get(), LOOP_CONFIGURE, &config) == 0) return loop;
    if (errno != EBUSY) return fail_errno(errno, fmt::format("{}: attaching {}", loop.node, name));
  }
  return fail(ErrorKind::busy, "others took every free loop device {} times in a row", kAttempts);
}

std::string backing_file_of(const std::string& name) {
  return read_attribute("/sys/block/" + name + "/loop/backing_file").value_or("");
}

}  // namespace

Result<std::string> attach_loop(const std::string& file, bool is_writable, bool scan) {
  const UniqueFd backing(::open(file.c_str(), (is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC));
  // The driver of Linux 6.1 takes the size that the kernel knows already, which is 0 for a FUSE
  // file before the first fstat(2) (docs/KERNEL.md#loop-setup-and-release).
  struct stat status = {};
  if (!backing.valid() || ::fstat(backing.get(), &status) != 0) return fail_errno(errno, file);
  PLOOPU_TRY(auto loop, bind_free_loop(backing.get(), file,
                                       (scan ? LO_FLAGS_PARTSCAN : 0) |
                                           (is_writable ? 0 : LO_FLAGS_READ_ONLY)));
  if (auto direct = check_direct(loop, file); !direct) {
    PLOOPU_CHECK(detach_loop(loop.node, file, std::move(loop.fd)));
    return tl::unexpected<Error>(std::move(direct).error());
  }
  return std::move(loop.node);
}

bool finds_partitions(const std::string& node) {
  return read_attribute("/sys/block/" + base_name(node) + "/loop/partscan") != "0";
}

Result<LoopDevice> attach_memory_loop(int file, const std::string& name) {
  return bind_free_loop(file, name, LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR);
}

Result<LoopDevice> attach_direct_loop(int file, const std::string& name) {
  PLOOPU_TRY(auto loop, attach_memory_loop(file, name));
  PLOOPU_CHECK(check_direct(loop, name));
  return loop;
}

Result<void> detach_loop(const std::string& node, const std::string& file, UniqueFd loop) {
  // ENXIO: the device was free already. If other processes have it open, the kernel frees it when
  // they close it.
  if (::ioctl(loop.get(), LOOP_CLR_FD) != 0 && errno != ENXIO) return fail_errno(errno, node);
  loop.reset();
  const auto released = [&] { return backing_file_of(base_name(node)) != file; };
  if (wait_until(released, kReleaseLimit)) return {};
  return fail(ErrorKind::busy, "{}: something keeps this loop device open", node);
}

std::vector<BoundLoop> loops_below(dev_t device) {
  std::vector<BoundLoop> loops;
  const auto slaves = fmt::format("/sys/dev/block/{}:{}/slaves", major(device), minor(device));
  for (const auto& name : list_directory(slaves)) {
    if (name.starts_with("loop")) loops.push_back({"/dev/" + name, backing_file_of(name)});
  }
  return loops;
}

Result<void> wait_for_loops(const std::vector<BoundLoop>& loops) {
  for (const auto& loop : loops) {
    const auto released = [&] { return backing_file_of(base_name(loop.node)) != loop.file; };
    if (loop.file.empty() || wait_until(released, kReleaseLimit)) continue;
    return fail(ErrorKind::busy, "{}: something keeps this loop device open", loop.node);
  }
  return {};
}

}  // namespace ploopu
