// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/mount_device.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <libmount/libmount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.hpp"
#include "platform/block/block_device.hpp"
#include "platform/block/mounts.hpp"
#include "platform/os/sysfs.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

// Flags of mount(2) that are attributes of a mount, with the flags of fsmount(2) for them.
// kSuperblockFlags are options of the file system, which it takes by name.
struct Attribute {
  unsigned long flag;
  unsigned attribute;
};
constexpr std::array<Attribute, 8> kAttributes = {{{MS_RDONLY, MOUNT_ATTR_RDONLY},
                                                   {MS_NOSUID, MOUNT_ATTR_NOSUID},
                                                   {MS_NODEV, MOUNT_ATTR_NODEV},
                                                   {MS_NOEXEC, MOUNT_ATTR_NOEXEC},
                                                   {MS_NOATIME, MOUNT_ATTR_NOATIME},
                                                   {MS_STRICTATIME, MOUNT_ATTR_STRICTATIME},
                                                   {MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
                                                   {MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW}}};
struct SuperblockFlag {
  unsigned long flag;
  const char* name;
};
constexpr std::array<SuperblockFlag, 5> kSuperblockFlags = {{{MS_RDONLY, "ro"},
                                                             {MS_SYNCHRONOUS, "sync"},
                                                             {MS_DIRSYNC, "dirsync"},
                                                             {MS_MANDLOCK, "mand"},
                                                             {MS_LAZYTIME, "lazytime"}}};

// The options of a mount, sorted by the system call that takes them.
struct SortedOptions {
  unsigned long mount_flags = 0;   // all flags, for mount(2)
  unsigned attributes = 0;         // for fsmount(2)
  std::vector<std::string> flags;  // for the file system, without a value
  std::vector<std::string> words;  // "name" or "name=value" for the file system
};

struct FreeText {
  void operator()(char* text) const { std::free(text); }
};
using Text = std::unique_ptr<char, FreeText>;

Result<SortedOptions> sort_options(const MountRequest& request) {
  char *kernel = nullptr, *of_fs = nullptr;
  unsigned long bits = 0;
  const bool is_split =
      mnt_split_optstr(request.options.c_str(), nullptr, &kernel, &of_fs, 0, 0) == 0;
  const Text kernel_text(kernel), fs_text(of_fs);
  if (!is_split ||
      (kernel != nullptr &&
       mnt_optstr_get_flags(kernel, &bits, mnt_get_builtin_optmap(MNT_LINUX_MAP)) != 0)) {
    return fail(ErrorKind::usage, "{}: these mount options can't be understood: {}", request.device,
                request.options);
  }
  SortedOptions sorted;
  sorted.mount_flags = bits;
  for (const auto& row : kAttributes) {
    if ((bits & row.flag) != 0) sorted.attributes |= row.attribute;
  }
  for (const auto& row : kSuperblockFlags) {
    if ((bits & row.flag) != 0) sorted.flags.emplace_back(row.name);
  }
  char *rest = of_fs, *name = nullptr, *value = nullptr;
  size_t name_size = 0, value_size = 0;
  while (rest != nullptr && *rest != '\0' &&
         mnt_optstr_next_option(&rest, &name, &name_size, &value, &value_size) == 0) {
    std::string word(name, name_size);
    if (value != nullptr) word.append("=").append(value, value_size);
    sorted.words.push_back(std::move(word));
  }
  return sorted;
}

// True for proc, tmpfs and the like, which the kernel mounts without a look at the device.
bool needs_no_device(const std::string& fstype) {
  std::istringstream lines(read_attribute("/proc/filesystems").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (line == "nodev\t" + fstype) return true;
  }
  return false;
}

// Returns the kernel's messages about a file system that is being configured:
// ": Unknown parameter 'x'".
std::string words_of_kernel(const UniqueFd& context) {
  std::string words;
  std::array<char, 1024> message{};
  for (ssize_t length = 0; (length = ::read(context.get(), message.data(), message.size())) > 0;) {
    // A message begins with a letter for its severity: "e ext4: Unknown parameter 'x'".
    const std::string_view line = trim({message.data(), static_cast<size_t>(length)});
    if (line.size() > 2) words.append(": ").append(line.substr(2));
  }
  return words;
}

tl::unexpected<Error> fail_mounting(const MountRequest& request, const HeldDirectory& directory,
                                    int error, const std::string& words = "") {
  auto failure = fail_errno(error, fmt::format("{}: mounting {} as {} ({})", directory.path(),
                                               request.device, request.fstype, request.options));
  failure.value().message += words;
  if (error == EBUSY) {
    failure.value().message += ": if it is mounted read-only elsewhere, umount that first";
  }
  if (error == ENODEV) failure.value().kind = ErrorKind::missing_kernel_part;
  return failure;
}

// Tells the file system that is being configured its device and options, and makes the kernel open
// it. Returns false, with errno set, if a step fails.
bool open_file_system(const UniqueFd& context, const MountRequest& request,
                      const SortedOptions& options) {
  const auto set = [&](fsconfig_command command, const char* key, const char* value) {
    return ::fsconfig(context.get(), command, key, value, 0) == 0;
  };
  if (!set(FSCONFIG_SET_STRING, "source", request.device.c_str())) return false;
  for (const auto& flag : options.flags) {
    if (!set(FSCONFIG_SET_FLAG, flag.c_str(), nullptr)) return false;
  }
  for (const auto& word : options.words) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const bool is_set = equals == std::string::npos ? set(FSCONFIG_SET_FLAG, name.c_str(), nullptr)
                                                    : set(FSCONFIG_SET_STRING, name.c_str(),
                                                          word.substr(equals + 1).c_str());
    if (!is_set) return false;
  }
  return set(FSCONFIG_CMD_CREATE, nullptr, nullptr);
}

// Fails if mount `id` doesn't show request.device at directory.path().
Result<void> verify(const MountRequest& request, const HeldDirectory& directory, int id) {
  PLOOPU_TRY(const auto mounts, read_mount_table());
  for (const auto& mount : mounts) {
    if (mount.id != id) continue;
    if (mount.device == device_number(request.device) && mount.directory == directory.path()) {
      return {};
    }
    return fail(ErrorKind::busy, "{}: was moved to {} meanwhile: nothing is mounted",
                directory.path(), mount.directory);
  }
  return fail(ErrorKind::busy, "{}: somebody unmounted it at once", directory.path());
}

// Returns MountOutcome::needs_recovery if the journal must be replayed and the device is read-only:
// ext4 and xfs answer EROFS then (docs/KERNEL.md#ext4-journals).
Result<DeviceMount> mount_by_descriptor(const UniqueFd& context, const MountRequest& request,
                                        const SortedOptions& options,
                                        const HeldDirectory& directory) {
  if (!open_file_system(context, request, options)) {
    const int error = errno;
    if (error == EROFS) return DeviceMount{};
    return fail_mounting(request, directory, error, words_of_kernel(context));
  }
  const UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, options.attributes));
  if (!mount.valid()) return fail_mounting(request, directory, errno);
  const int id = mount_id(mount);
  if (id < 0) {
    return fail(ErrorKind::failed, "{}: /proc does not tell the ID of the mount: try again",
                directory.path());
  }
  if (::move_mount(mount.get(), "", directory.descriptor(), "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return fail_mounting(request, directory, errno);
  }
  if (auto verified = verify(request, directory, id); !verified) {
    // By the descriptor: the name may lead elsewhere by now. An open mount can only be unmounted
    // lazily, and goes when `mount` is closed.
    ::umount2(fmt::format("/proc/self/fd/{}", mount.get()).c_str(), MNT_DETACH);
    return tl::unexpected<Error>(std::move(verified).error());
  }
  return DeviceMount{MountOutcome::mounted, id};
}

// Mounts on kernels before 5.2, which have no fsopen(2).
Result<DeviceMount> mount_by_name(const MountRequest& request, const SortedOptions& options,
                                  const HeldDirectory& directory) {
  std::string words;
  for (const auto& word : options.words) words += (words.empty() ? "" : ",") + word;
  PLOOPU_TRY(const auto before, read_mount_table());
  const std::string target = fmt::format("/proc/self/fd/{}", directory.descriptor());
  if (::mount(request.device.c_str(), target.c_str(), request.fstype.c_str(), options.mount_flags,
              words.c_str()) != 0) {
    if (errno == EROFS) return DeviceMount{};
    return fail_mounting(request, directory, errno);
  }
  PLOOPU_TRY(const auto mounts, read_mount_table());
  for (const auto& mount : mounts) {
    const bool is_new = std::none_of(before.begin(), before.end(),
                                     [&](const MountEntry& old) { return old.id == mount.id; });
    if (is_new && mount.device == device_number(request.device)) {
      if (auto verified = verify(request, directory, mount.id); !verified) {
        PLOOPU_CHECK(unmount(mount));
        return tl::unexpected<Error>(std::move(verified).error());
      }
      return DeviceMount{MountOutcome::mounted, mount.id};
    }
  }
  return fail(ErrorKind::busy, "{}: somebody unmounted it at once", directory.path());
}

}  // namespace

Result<DeviceMount> mount_device(const MountRequest& request, const HeldDirectory& directory) {
  if (needs_no_device(request.fstype)) {
    return fail(ErrorKind::usage, "{}: '{}' is not a file system of a disk", request.device,
                request.fstype);
  }
  PLOOPU_TRY(const auto options, sort_options(request));
  const UniqueFd context(::fsopen(request.fstype.c_str(), FSOPEN_CLOEXEC));
  if (!context.valid() && errno != ENOSYS) return fail_mounting(request, directory, errno);
  PLOOPU_TRY(const auto done, context.valid()
                                  ? mount_by_descriptor(context, request, options, directory)
                                  : mount_by_name(request, options, directory));
  if (done.outcome == MountOutcome::mounted) remember_helper(request, directory.path());
  return done;
}

}  // namespace ploopu
