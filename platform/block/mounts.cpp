// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/mounts.hpp"

#include <cerrno>
#include <memory>
#include <optional>
#include <sstream>

#include <fcntl.h>
#include <libmount/libmount.h>
#include <sys/mount.h>

#include "core/base/path.hpp"
#include "core/base/text.hpp"
#include "platform/os/sysfs.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

struct TableDeleter {
  void operator()(libmnt_table* table) const { mnt_unref_table(table); }
};
struct IteratorDeleter {
  void operator()(libmnt_iter* iterator) const { mnt_free_iter(iterator); }
};

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

struct UpdateDeleter {
  void operator()(libmnt_update* update) const { mnt_free_update(update); }
};
struct FsDeleter {
  void operator()(libmnt_fs* fs) const { mnt_unref_fs(fs); }
};

// Writes what was set to /run/mount/utab. A mount is none the worse without it.
void write_utab(const std::unique_ptr<libmnt_update, UpdateDeleter>& update) {
  if (mnt_update_is_ready(update.get()) == 1) mnt_update_table(update.get(), nullptr);
}

// The name of a mount, in the directory that has it.
struct NameInDirectory {
  UniqueFd parent;
  std::string name;
};

Result<std::optional<MountEntry>> find_mount(int id) {
  PLOOPU_TRY(auto mounts, read_mount_table());
  for (auto& mount : mounts) {
    if (mount.id == id) return std::optional(std::move(mount));
  }
  return std::optional<MountEntry>();
}

// The place where `mount` is what its name leads to. Another mount over a directory above makes
// the path lead elsewhere, and unmounting by the path would hit that mount. A parent that its owner
// renames meanwhile is looked up again; the last name can't be renamed while it is a mount point.
Result<NameInDirectory> find_place(const MountEntry& mount) {
  constexpr int kLooks = 20;
  std::optional<MountEntry> now = mount;
  for (int look = 0; look < kLooks && now; ++look) {
    const std::string parent = directory_of(now->directory);
    NameInDirectory place{UniqueFd(::open(parent.empty() ? "/" : parent.c_str(),
                                          O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)),
                          std::string(base_name(now->directory))};
    // Opened with O_PATH, a server that doesn't answer isn't asked.
    const UniqueFd root(place.parent.valid() ? ::openat(place.parent.get(), place.name.c_str(),
                                                        O_PATH | O_NOFOLLOW | O_CLOEXEC)
                                             : -1);
    if (root.valid() && mount_id(root) == mount.id) return place;
    PLOOPU_TRY(now, find_mount(mount.id));
  }
  return fail(ErrorKind::busy, "{}: another mount covers a directory above it: unmount that first",
              mount.directory);
}

}  // namespace

Result<std::vector<MountEntry>> read_mount_table(const std::string& table) {
  const std::unique_ptr<libmnt_table, TableDeleter> parsed(mnt_new_table_from_file(table.c_str()));
  const std::unique_ptr<libmnt_iter, IteratorDeleter> iterator(mnt_new_iter(MNT_ITER_FORWARD));
  if (!parsed || !iterator) return fail_errno(errno, table);
  std::vector<MountEntry> entries;
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

int mount_id(const UniqueFd& file) {
  std::istringstream lines(
      read_attribute(fmt::format("/proc/self/fdinfo/{}", file.get())).value_or(""));
  for (std::string word; lines >> word;) {
    if (int id = 0; word == "mnt_id:" && lines >> id) return id;
  }
  return -1;
}

std::vector<std::string> directories_of(const std::vector<MountEntry>& mounts) {
  std::vector<std::string> directories;
  directories.reserve(mounts.size());
  for (const auto& mount : mounts) directories.push_back(mount.directory);
  return directories;
}

Result<void> check_reachable(const MountEntry& mount) {
  PLOOPU_CHECK(find_place(mount));
  return {};
}

Result<void> unmount(const MountEntry& mount, int flags) {
  PLOOPU_TRY(const auto place, find_place(mount));
  const std::string path = fmt::format("/proc/self/fd/{}/{}", place.parent.get(), place.name);
  if (::umount2(path.c_str(), UMOUNT_NOFOLLOW | flags) != 0) {
    return fail_errno(errno, fmt::format("{}: unmounting", mount.directory));
  }
  const std::unique_ptr<libmnt_update, UpdateDeleter> update(mnt_new_update());
  if (update && mnt_update_set_fs(update.get(), 0, mount.directory.c_str(), nullptr) == 0) {
    write_utab(update);
  }
  return {};
}

Result<void> unmount(int id) {
  PLOOPU_TRY(const auto mount, find_mount(id));
  return mount ? unmount(*mount) : Result<void>();
}

void remember_helper(const MountRequest& request, const std::string& directory) {
  const std::unique_ptr<libmnt_fs, FsDeleter> fs(mnt_new_fs());
  const std::unique_ptr<libmnt_update, UpdateDeleter> update(mnt_new_update());
  if (fs && update && mnt_fs_set_source(fs.get(), request.device.c_str()) == 0 &&
      mnt_fs_set_target(fs.get(), directory.c_str()) == 0 &&
      mnt_fs_set_fstype(fs.get(), request.fstype.c_str()) == 0 &&
      mnt_fs_set_options(fs.get(), (request.options + ",helper=ploopu").c_str()) == 0 &&
      mnt_update_set_fs(update.get(), 0, nullptr, fs.get()) == 0) {
    write_utab(update);
  }
}

}  // namespace ploopu
