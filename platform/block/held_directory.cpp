// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/held_directory.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <deque>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/list.hpp"
#include "core/base/text.hpp"

namespace ploopu {
namespace {

constexpr int kMaxLinks = 40;  // the kernel's own limit

struct Place {
  UniqueFd fd;
  struct stat status = {};
};

Result<Place> open_place(int directory, const std::string& name) {
  Place place{UniqueFd(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)), {}};
  if (!place.fd.valid() || ::fstat(place.fd.get(), &place.status) != 0)
    return fail_errno(errno, "");
  return place;
}

class Walk {
 public:
  Walk(std::string path, const std::vector<uid_t>& trusted, bool allows_any_owner)
      : path_(std::move(path)), trusted_(trusted), allows_any_owner_(allows_any_owner) {}

  Result<HeldDirectory> run() {
    const std::string absolute = std::filesystem::absolute(path_);
    PLOOPU_TRY(current_, open_place(AT_FDCWD, "/"));
    push(absolute);
    while (!names_.empty()) {
      const std::string name = std::move(names_.front());
      names_.pop_front();
      if (name.empty() || name == ".") continue;
      PLOOPU_CHECK(enter(name));
    }
    return HeldDirectory(std::move(current_.fd), std::move(canonical_));
  }

 private:
  void push(const std::string& path) {
    std::vector<std::string> names;
    for (const std::string_view name : split(path, '/')) names.emplace_back(name);
    names_.insert(names_.begin(), names.begin(), names.end());
  }

  Result<void> enter(const std::string& name) {
    auto next = open_place(current_.fd.get(), name);
    if (!next) {
      if (next.error().kind == ErrorKind::not_found) {
        return fail(ErrorKind::not_found, "{}: the mount point does not exist", path_);
      }
      next.error().message = path_ + ": mount point" + next.error().message;
      return tl::unexpected<Error>(std::move(next).error());
    }
    PLOOPU_CHECK(check_trust(*next, name));
    if (S_ISLNK(next->status.st_mode)) return follow(*next);
    if (!S_ISDIR(next->status.st_mode)) {
      return fail(ErrorKind::not_found, "{}: the mount point must be a directory", path_);
    }
    current_ = *std::move(next);
    if (name == "..") {
      canonical_.resize(canonical_.rfind('/') == std::string::npos ? 0 : canonical_.rfind('/'));
    } else {
      canonical_ += "/" + name;
    }
    return {};
  }

  Result<void> follow(const Place& link) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlinkat(link.fd.get(), "", target.data(), target.size());
    if (length < 0) return fail_errno(errno, path_ + ": mount point");
    if (++links_ > kMaxLinks) {
      return fail(ErrorKind::not_found, "{}: mount point: too many symbolic links", path_);
    }
    const std::string text(target.data(), static_cast<size_t>(length));
    if (text.starts_with('/')) {
      PLOOPU_TRY(current_, open_place(AT_FDCWD, "/"));
      canonical_.clear();
    }
    push(text);
    return {};
  }

  [[nodiscard]] bool is_trusted(uid_t user) const { return contains(trusted_, user); }

  // Fails if a user who isn't trusted can exchange `next`, the entry `name` of current_.
  [[nodiscard]] Result<void> check_trust(const Place& next, const std::string& name) const {
    const uid_t owner = next.status.st_uid;
    if (S_ISLNK(next.status.st_mode) && owner != 0 && owner != ::geteuid()) {
      return fail(ErrorKind::refused,
                  "{}: the symbolic link {}/{} belongs to user {}, who can lead the mount "
                  "elsewhere: give the directory itself",
                  path_, canonical_, name, owner);
    }
    if (allows_any_owner_) return {};
    const std::string directory = canonical_.empty() ? "/" : canonical_;
    if (!is_trusted(current_.status.st_uid)) return refuse(directory, current_.status.st_uid);
    if ((current_.status.st_mode & S_IWOTH) != 0) {
      if ((current_.status.st_mode & S_ISVTX) == 0) {
        return fail(ErrorKind::refused,
                    "{}: everybody may write to {}, and so lead the mount elsewhere: use another "
                    "mount point, or --allow-any-owner",
                    path_, directory);
      }
      if (!is_trusted(owner)) return refuse(canonical_ + "/" + name, owner);
    }
    return {};
  }

  [[nodiscard]] Result<void> refuse(const std::string& place, uid_t owner) const {
    return fail(
        ErrorKind::refused,
        "{}: {} belongs to user {}, who can lead the mount elsewhere: use a mount point below "
        "directories of root, or --allow-any-owner",
        path_, place, owner);
  }

  std::string path_;
  const std::vector<uid_t>& trusted_;
  bool allows_any_owner_;
  Place current_;
  std::string canonical_;  // path of current_ without links; empty for the root
  std::deque<std::string> names_;
  int links_ = 0;
};

}  // namespace

std::vector<uid_t> trusted_users() {
  std::vector<uid_t> users = {0, ::geteuid()};
  const char* text = std::getenv("SUDO_UID");
  const auto user = text == nullptr ? std::nullopt : parse_number(text);
  if (user && *user < UINT_MAX) users.push_back(static_cast<uid_t>(*user));
  return users;
}

Result<HeldDirectory> hold_directory(const std::string& path, const std::vector<uid_t>& trusted,
                                     bool allows_any_owner) {
  PLOOPU_TRY(auto held, Walk(path, trusted, allows_any_owner).run());
  if (!held.path().empty()) return held;
  return HeldDirectory(UniqueFd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)), "/");
}

}  // namespace ploopu
