// SPDX-License-Identifier: GPL-2.0-or-later
// The directory where ploopu remembers what it attached: /run/ploopu for root, otherwise
// $XDG_RUNTIME_DIR/ploopu. Each attachment has a folder there, named by its id:
//     ID/attachment.json   the record
//     ID/servers           the processes that serve it, if they can change
//     ID/disk              the file on which the fuse back end mounts the disk
// A record says what ploopu meant to do; whether it is so is asked of the kernel each time.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "platform/os/process.hpp"
#include "platform/os/unique_fd.hpp"
#include "platform/serve/record.hpp"

namespace ploopu {

// The one for this user.
[[nodiscard]] std::string default_runtime_path();

class RuntimeDir {
 public:
  // Creates the directory when it is missing. One that isn't ours alone (owner, mode 0700, no
  // symbolic link) is refused.
  [[nodiscard]] static Result<RuntimeDir> open(const std::string& path = default_runtime_path());
  [[nodiscard]] static bool exists(const std::string& path = default_runtime_path());

  // Held while attachments change, so that two commands don't undo each other.
  // ErrorKind::busy when another one keeps it for longer than half a minute.
  [[nodiscard]] Result<UniqueFd> lock() const;
  // The lock if nobody has it; otherwise an invalid descriptor.
  [[nodiscard]] UniqueFd try_lock() const;

  [[nodiscard]] std::vector<Record> load_all() const;
  [[nodiscard]] Result<void> save(const Record& record) const;
  void remove(const std::string& id) const;

  // For servers, which change without a command: written into the attachment's folder, if that is
  // there still.
  [[nodiscard]] Result<void> save_servers(const std::string& id,
                                          const std::vector<ProcessIdentity>& servers) const;

  // The file on which the fuse back end mounts the disk.
  [[nodiscard]] std::string disk_file(const std::string& id) const;

 private:
  explicit RuntimeDir(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] UniqueFd open_lock() const;

  std::string path_;
};

[[nodiscard]] std::string random_id();

}  // namespace ploopu
