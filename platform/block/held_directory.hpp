// SPDX-License-Identifier: GPL-2.0-or-later
// A mount point that was looked up once and is held by a file descriptor, so that the mount is made
// there, whatever happens to its name meanwhile (docs/KERNEL.md#mounting-paths).
//
//   PLOOPU_TRY(const auto directory, hold_directory("/mnt", trusted_users(), false));
//   PLOOPU_TRY(const auto done, mount_device(request, directory));
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "core/attach/attachments.hpp"
#include "core/base/result.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

class HeldDirectory final : public MountPoint {
 public:
  HeldDirectory(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const override { return path_; }
  // The directory, opened with O_PATH. It stays owned by this object.
  [[nodiscard]] int descriptor() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string path_;
};

// Users who may own the directories above a mount point: root, the calling user, and the user who
// called sudo.
[[nodiscard]] std::vector<uid_t> trusted_users();

// Looks `path` up, one name after the other. ErrorKind::not_found if there is no such directory.
//
// The owner of a directory can exchange its entries while root works. So, unless
// `allows_any_owner`, fails with ErrorKind::refused if a directory on the way belongs to none of
// the users in `trusted`, or if everybody may write to it. A world-writable directory is accepted
// if it has the sticky bit and a trusted user owns the next entry of the path. A symbolic link is
// followed only if it belongs to root or to the effective user.
[[nodiscard]] Result<HeldDirectory> hold_directory(const std::string& path,
                                                   const std::vector<uid_t>& trusted,
                                                   bool allows_any_owner);

}  // namespace ploopu
