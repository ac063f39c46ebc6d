// SPDX-License-Identifier: GPL-2.0-or-later
// The directory where ploopu remembers what it attached: /run/ploopu for root, otherwise
// $XDG_RUNTIME_DIR/ploopu. Each attachment has a folder there, named by its id:
//     ID/attachment.json   the record
//     ID/servers           the processes that serve it, for back ends that replace their server
//     ID/disk              the file on which the fuse back end mounts the disk
// A record says what ploopu meant to do. Commands ask the kernel what is there.
//
//     PLOOPU_TRY(const auto runtime, RuntimeDir::open());
//     PLOOPU_TRY(const auto lock, runtime.lock());
//     PLOOPU_TRY(const auto records, runtime.load_all());
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "core/base/result.hpp"
#include "platform/os/process.hpp"
#include "platform/os/unique_fd.hpp"
#include "platform/serve/record.hpp"

namespace ploopu {

// Where the runtime directory of a user who isn't root may lie.
struct RuntimePlaces {
  std::string given;  // XDG_RUNTIME_DIR
  std::string home;
  std::string users = "/run/user";  // has a directory for each user who is logged in
  std::string temporary = "/tmp";
};

// Returns `given`/ploopu if `given` is absolute; otherwise `users`/UID/ploopu if `user` owns
// `users`/UID; otherwise `temporary`/ploopu-UID. If another user has made that directory, to lock
// this user out, returns `home`/.ploopu instead.
[[nodiscard]] std::string runtime_path(const RuntimePlaces& places, uid_t user);

// The path of the runtime directory of this user.
[[nodiscard]] std::string default_runtime_path();

class RuntimeDir {
 public:
  // Creates the directory if it is missing. ErrorKind::not_permitted if the directory belongs to
  // another user, gives rights to a group or to others, or is a symbolic link.
  [[nodiscard]] static Result<RuntimeDir> open(const std::string& path = default_runtime_path());
  [[nodiscard]] static bool exists(const std::string& path = default_runtime_path());

  // Takes the lock that a command holds while it changes attachments, so that two commands don't
  // undo each other. The lock ends with the last copy of the file descriptor. ErrorKind::busy if
  // another process keeps it for half a minute.
  [[nodiscard]] Result<UniqueFd> lock() const;
  // Takes the lock if it is free; otherwise returns an invalid file descriptor.
  [[nodiscard]] UniqueFd try_lock() const;

  // Loads all records. A record that can't be parsed has is_readable false. Fails if a file can't
  // be read, for example if the process has too many open files: without its record, a served
  // disk looks like a leftover of a dead command.
  [[nodiscard]] Result<std::vector<Record>> load_all() const;
  // Writes the record, in place of an older version. Hold the lock.
  [[nodiscard]] Result<void> save(const Record& record) const;
  // Removes the folder of the attachment; ignores errors.
  void remove(const std::string& id) const;

  // Writes the list of servers. Supervisors call it without the lock when they replace a worker.
  // Fails if the folder of the attachment is gone.
  [[nodiscard]] Result<void> save_servers(const std::string& id,
                                          const std::vector<ProcessIdentity>& servers) const;

  // The file on which the fuse back end mounts the disk.
  [[nodiscard]] std::string disk_file(const std::string& id) const;

 private:
  explicit RuntimeDir(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] UniqueFd open_lock() const;

  std::string path_;
};

// A new id of an attachment: 16 hexadecimal digits.
[[nodiscard]] std::string random_id();

}  // namespace ploopu
