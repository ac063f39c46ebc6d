// SPDX-License-Identifier: GPL-2.0-or-later
// The directory where ploopu remembers what it attached: /run/ploopu for root, otherwise
// $XDG_RUNTIME_DIR/ploopu. Each attachment has a folder there, named by its id:
//     ID/attachment.json   the record below
//     ID/servers           the processes that serve it, if they can change
//     ID/disk              the file on which the fuse back end mounts the disk
// A record says what ploopu meant to do; whether it is so is asked of the kernel each time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/attach/attachments.hpp"
#include "core/base/result.hpp"
#include "core/disk/image_state.hpp"
#include "platform/os/process.hpp"
#include "platform/os/queue_settings.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// What is written down about one attachment.
struct Record {
  std::string id;
  std::string name;  // AttachRequest::name
  std::string image;
  std::string newest_delta;
  ImageState image_state;  // which disk it is
  std::optional<std::string> ctid;
  std::optional<std::string> snapshot;
  std::string root;
  std::string backend;
  std::string device;  // empty until it is known
  bool is_file = false;
  bool has_overlay = false;
  bool is_strict = false;
  FileIdentity scratch;           // of the overlay
  bool is_users_overlay = false;  // not just for a journal: what is written there is somebody's
  std::string overlay_file;       // its path, when it is kept
  std::vector<AttachedPartition> partitions;
  // pid 0 when there is none, or the first of those below.
  ProcessIdentity server;
  std::vector<ProcessIdentity> servers;  // all that serve it, as they noted themselves last
  QueueSettings queue;  // of the device before it was ours: nbd and loop devices outlive us
  size_t loops = 0;     // dm: loop devices that the disk is made of
  std::vector<std::string> mountpoints;
  // False for one that can't be read back (damaged, or of a newer ploopu): then it has only its id.
  bool is_readable = true;

  // Written down before its device was made, and not again since.
  [[nodiscard]] bool is_unfinished() const { return is_readable && device.empty(); }
};

// A record as it is stored.
[[nodiscard]] std::string record_text(const Record& record);
// Never fails: see Record::is_readable. The text doesn't have the id.
[[nodiscard]] Record parse_record(const std::string& text);

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
