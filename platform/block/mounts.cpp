// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/mounts.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <sstream>

#include <libmount/libmount.h>

#include "core/base/text.hpp"
#include "platform/os/sysfs.hpp"

namespace ploopu {
namespace {

struct ContextDeleter {
  void operator()(libmnt_context* context) const { mnt_free_context(context); }
};
using MountContext = std::unique_ptr<libmnt_context, ContextDeleter>;

struct TableDeleter {
  void operator()(libmnt_table* table) const { mnt_unref_table(table); }
};
struct IteratorDeleter {
  void operator()(libmnt_iter* iterator) const { mnt_free_iter(iterator); }
};

// The errno of the mount or umount system call, or of what libmount did before it.
int error_of(libmnt_context* context, int returned) {
  if (mnt_context_syscall_called(context) != 0) {
    const int status = mnt_context_get_syscall_errno(context);
    if (status != 0) return status;
  }
  return returned < 0 ? -returned : EINVAL;
}

std::string explain(libmnt_context* context, int returned) {
  std::array<char, 512> message{};
  mnt_context_get_excode(context, returned, message.data(), message.size());
  return message.data();
}

std::vector<uint64_t> peer_groups(libmnt_fs* fs) {
  std::vector<uint64_t> groups;
  const char* fields = mnt_fs_get_optional_fields(fs);
  std::istringstream words(fields == nullptr ? "" : fields);
  for (std::string word; words >> word;) {
    if (!word.starts_with("shared:") && !word.starts_with("master:")) continue;
    if (const auto group = parse_number(word.substr(word.find(':') + 1))) groups.push_back(*group);
  }
  return groups;
}

// proc, tmpfs and their like would be mounted without a look at the device.
bool needs_no_device(const std::string& fstype) {
  std::istringstream lines(read_attribute("/proc/filesystems").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (line == "nodev\t" + fstype) return true;
  }
  return false;
}

}  // namespace

std::vector<MountEntry> read_mount_table(const std::string& table) {
  std::vector<MountEntry> entries;
  const std::unique_ptr<libmnt_table, TableDeleter> parsed(mnt_new_table_from_file(table.c_str()));
  const std::unique_ptr<libmnt_iter, IteratorDeleter> iterator(mnt_new_iter(MNT_ITER_FORWARD));
  if (!parsed || !iterator) return entries;
  libmnt_fs* fs = nullptr;
  while (mnt_table_next_fs(parsed.get(), iterator.get(), &fs) == 0) {
    const char* directory = mnt_fs_get_target(fs);
    const char* source = mnt_fs_get_source(fs);
    entries.push_back({mnt_fs_get_id(fs), mnt_fs_get_parent_id(fs), mnt_fs_get_devno(fs),
                       directory == nullptr ? "" : directory, source == nullptr ? "" : source,
                       peer_groups(fs)});
  }
  return entries;
}

std::vector<std::string> directories_of(const std::vector<MountEntry>& mounts) {
  std::vector<std::string> directories;
  directories.reserve(mounts.size());
  for (const auto& mount : mounts) directories.push_back(mount.directory);
  return directories;
}

Result<MountOutcome> mount_device(const MountRequest& request) {
  if (needs_no_device(request.fstype)) {
    return fail(ErrorKind::usage, "{}: '{}' is not a file system of a disk", request.device,
                request.fstype);
  }
  const MountContext context(mnt_new_context());
  if (!context) return fail(ErrorKind::failed, "libmount could not be initialised");
  libmnt_context* c = context.get();
  mnt_context_disable_helpers(c, 1);
  // Or a mount that was to be writable would be made read-only without a word.
  mnt_context_enable_rwonly_mount(c, 1);
  mnt_context_set_optsmode(c, MNT_OMODE_NOTAB);
  // Written to /run/mount/utab, so that umount(8) runs umount.ploopu, if that is installed: the
  // device goes, too.
  const std::string options = request.options + ",helper=ploopu";
  if (mnt_context_set_source(c, request.device.c_str()) != 0 ||
      mnt_context_set_target(c, request.directory.c_str()) != 0 ||
      mnt_context_set_fstype(c, request.fstype.c_str()) != 0 ||
      mnt_context_set_options(c, options.c_str()) != 0) {
    return fail(ErrorKind::usage, "{}: these mount options can't be understood: {}",
                request.directory, request.options);
  }
  const int returned = mnt_context_mount(c);
  const bool is_mounted = mnt_context_get_status(c) == 1;
  if (returned == 0 && is_mounted) return MountOutcome::mounted;
  // Something that libmount does afterwards failed.
  if (is_mounted) PLOOPU_CHECK(unmount_directory(request.directory));
  const int error = error_of(c, returned);
  // ext4 and xfs answer so when the journal must be replayed and the device is read-only.
  if (error == EROFS) return MountOutcome::needs_recovery;
  auto failure = fail_errno(error, fmt::format("{}: mounting {} as {} ({})", request.directory,
                                               request.device, request.fstype, request.options));
  if (error == EINVAL) failure.value().message += ": " + explain(c, returned);
  if (error == EBUSY) {
    failure.value().message += ": if it is mounted read-only elsewhere, umount that first";
  }
  if (error == ENODEV) failure.value().kind = ErrorKind::missing_kernel_part;
  return failure;
}

Result<void> unmount_directory(const std::string& directory) {
  const MountContext context(mnt_new_context());
  if (!context) return fail(ErrorKind::failed, "libmount could not be initialised");
  mnt_context_disable_helpers(context.get(), 1);
  if (mnt_context_set_target(context.get(), directory.c_str()) != 0) {
    return fail(ErrorKind::failed, "{}: out of memory", directory);
  }
  const int returned = mnt_context_umount(context.get());
  // Unmounted: only libmount's note of the mount may stay, when /run is full.
  if (mnt_context_get_status(context.get()) == 1) return {};
  return fail_errno(error_of(context.get(), returned), fmt::format("{}: unmounting", directory));
}

}  // namespace ploopu
