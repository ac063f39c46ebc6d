// SPDX-License-Identifier: GPL-2.0-or-later
// A directory that was looked up once and is held by a file descriptor, so that a mount lands there
// whatever happens to its name meanwhile.
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
  // Opened with O_PATH.
  [[nodiscard]] int descriptor() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string path_;
};

// Users who may arrange the way to a mount point of root's: root, and who called root by sudo.
[[nodiscard]] std::vector<uid_t> trusted_users();

// Looks `path` up, one name after the other. ErrorKind::not_found where there is no such directory.
//
// The owner of a directory can exchange what is in it while root works. Hence ErrorKind::refused,
// unless `allows_any_owner`, where a directory on the way belongs to none of the users `trusted`,
// or where everybody may write to it: without a sticky bit, or with one but to another user's
// entry. A symbolic link that belongs neither to root nor to the calling user is never followed.
[[nodiscard]] Result<HeldDirectory> hold_directory(const std::string& path,
                                                   const std::vector<uid_t>& trusted,
                                                   bool allows_any_owner);

}  // namespace ploopu
