// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/loop_device.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "core/ploop_header.hpp"
#include "platform/sysfs.hpp"
#include "platform/wait.hpp"

namespace ploopu {
namespace {

constexpr char kControl[] = "/dev/loop-control";
// Others may take the device between our question and our request.
constexpr int kAttempts = 64;
constexpr std::chrono::seconds kReleaseLimit{10};

}  // namespace

Result<std::string> attach_loop(const std::string& file) {
  const UniqueFd control(::open(kControl, O_RDWR | O_CLOEXEC));
  if (!control.valid()) return fail_errno(errno, kControl);
  const UniqueFd backing(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  // The driver of Linux 6.1 takes the size that the kernel knows already, and of a FUSE file that
  // nobody has asked about, it knows 0. Asking is enough; 6.18 asks by itself.
  struct stat status = {};
  if (!backing.valid() || ::fstat(backing.get(), &status) != 0) return fail_errno(errno, file);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return fail_errno(errno, "finding a free loop device");
    const std::string node = fmt::format("/dev/loop{}", number);
    const UniqueFd loop(::open(node.c_str(), O_RDONLY | O_CLOEXEC));
    if (!loop.valid()) return fail_errno(errno, node);
    struct loop_config config = {};
    config.fd = static_cast<__u32>(backing.get());
    config.block_size = kSectorSize;
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_PARTSCAN;
    std::strncpy(reinterpret_cast<char*>(config.info.lo_file_name), file.c_str(), LO_NAME_SIZE - 1);
    if (::ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0) return node;
    if (errno != EBUSY) return fail_errno(errno, fmt::format("{}: attaching {}", node, file));
  }
  return fail(ErrorKind::busy, "others took every free loop device {} times in a row", kAttempts);
}

std::vector<std::string> loops_on(const std::string& file) {
  std::vector<std::string> nodes;
  for (const auto& name : list_directory("/sys/block")) {
    if (!name.starts_with("loop")) continue;
    if (read_attribute("/sys/block/" + name + "/loop/backing_file") == file) {
      nodes.push_back("/dev/" + name);
    }
  }
  return nodes;
}

Result<void> detach_loop(const std::string& node, const std::string& file, UniqueFd loop) {
  // ENXIO: it was free already. While others have it open, it is freed when they close it.
  if (::ioctl(loop.get(), LOOP_CLR_FD) != 0 && errno != ENXIO) return fail_errno(errno, node);
  loop.reset();
  const auto released = [&] {
    const auto still = loops_on(file);
    return std::find(still.begin(), still.end(), node) == still.end();
  };
  if (wait_until(released, kReleaseLimit)) return {};
  return fail(ErrorKind::busy, "{}: something keeps this loop device open", node);
}

}  // namespace ploopu
