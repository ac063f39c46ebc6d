// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/posix_file_system.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "platform/files/posix_image_file.hpp"
#include "platform/os/retry.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

// Most names that a directory may have: a stranger's directory must not take all memory.
constexpr size_t kMaxNames = 100000;

// Returns a descriptor that refers to a file without opening it (O_PATH): a FIFO doesn't block, and
// the driver of a device doesn't notice.
UniqueFd open_path(int directory, const std::string& path, uint64_t resolve, uint64_t flags = 0) {
  struct open_how how = {};
  how.flags = O_PATH | O_CLOEXEC | flags;
  how.resolve = resolve;
  return UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how)));
}

std::string proc_path(const UniqueFd& fd) { return fmt::format("/proc/self/fd/{}", fd.get()); }

PathType type_of(mode_t mode) {
  if (S_ISREG(mode)) return PathType::regular;
  if (S_ISDIR(mode)) return PathType::directory;
  return PathType::other;
}

// Names the kind of a file that isn't regular, for messages.
const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISBLK(mode)) return "a block device";
  if (S_ISCHR(mode)) return "a character device";
  return S_ISFIFO(mode) ? "a FIFO" : "a socket";
}

// True for files of /proc, /sys and the like: their sizes say nothing, and reading some of them has
// effects.
bool is_kernels_own(const UniqueFd& fd) {
  struct statfs status = {};
  if (::fstatfs(fd.get(), &status) != 0) return false;
  constexpr std::array<long, 4> kKernelMade = {PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC,
                                               TRACEFS_MAGIC};
  return std::find(kKernelMade.begin(), kKernelMade.end(), status.f_type) != kKernelMade.end();
}

struct OpenFile {
  UniqueFd fd;
  struct stat status = {};
};

// Opens `path` for reading if it is a regular file. `resolve` are flags of openat2; `name` is the
// path in messages.
Result<OpenFile> open_regular(int directory, const std::string& path, uint64_t resolve,
                              const std::string& name) {
  OpenFile file;
  const UniqueFd handle = open_path(directory, path, resolve);
  if (!handle.valid() && errno == EXDEV) {
    return fail(ErrorKind::refused,
                "{}: lies outside of the image's directory: refused without --allow-outside", name);
  }
  if (!handle.valid() && errno == ELOOP) {
    return fail(ErrorKind::refused, "{}: a symbolic link is in the way: refused{}", name,
                (resolve & RESOLVE_BENEATH) != 0 ? " without --allow-outside" : "");
  }
  if (!handle.valid() || ::fstat(handle.get(), &file.status) != 0) return fail_errno(errno, name);
  if (!S_ISREG(file.status.st_mode)) {
    return fail(ErrorKind::damaged, "{}: not a regular file but {}: refused", name,
                kind_of(file.status.st_mode));
  }
  if (is_kernels_own(handle)) {
    return fail(ErrorKind::damaged, "{}: is made by the kernel, as all of /proc and /sys: refused",
                name);
  }
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const std::string link = proc_path(handle);
  file.fd.reset(::open(link.c_str(), kFlags | O_NOATIME));
  // O_NOATIME is for the owner of the file and for CAP_FOWNER; others read without it.
  if (!file.fd.valid() && errno == EPERM) file.fd.reset(::open(link.c_str(), kFlags));
  if (!file.fd.valid()) return fail_errno(errno, name);
  return file;
}

Result<std::unique_ptr<ImageFile>> as_image(Result<OpenFile> file) {
  if (!file) return tl::unexpected<Error>(std::move(file).error());
  return std::make_unique<PosixImageFile>(std::move(file->fd), facts_of(file->status));
}

// Checks the rule about owners of ImageDirectory::open_image(). The rule is for root: the
// kernel already limits everybody else.
Result<void> check_owner(const UniqueFd& directory, const struct stat& file,
                         const std::string& name) {
  struct stat bundle = {};
  if (::fstat(directory.get(), &bundle) != 0) return fail_errno(errno, name);
  const bool can_be_trap = ::geteuid() == 0 && bundle.st_uid != 0 && bundle.st_uid != file.st_uid;
  if (!can_be_trap || (file.st_mode & S_IROTH) != 0) return {};
  return fail(ErrorKind::damaged,
              "{}: belongs to user {}, its image's directory to user {}, who may not read it: "
              "refused; chown it if it is part of the image",
              name, file.st_uid, bundle.st_uid);
}

Result<TextFile> read_all(Result<OpenFile> file, const std::string& name, size_t max_bytes) {
  if (!file) return tl::unexpected<Error>(std::move(file).error());
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = retry([&] { return ::read(file->fd.get(), buffer.data(), buffer.size()); });
    if (got < 0) return fail_errno(errno, name);
    if (got == 0) return TextFile{std::move(text), facts_of(file->status).identity};
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > max_bytes) {
      return fail(ErrorKind::damaged, "{}: is larger than {} bytes: refused", name, max_bytes);
    }
  }
}

class PosixImageDirectory final : public ImageDirectory {
 public:
  PosixImageDirectory(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  [[nodiscard]] Result<TextFile> read_text(const std::string& name,
                                           size_t max_bytes) const override {
    const std::string path = path_ + "/" + name;
    return read_all(open_regular(fd_.get(), name, kRules, path), path, max_bytes);
  }

  [[nodiscard]] Result<std::unique_ptr<ImageFile>> open_image(
      const std::string& relative) const override {
    const std::string path = path_ + "/" + relative;
    return as_checked(open_regular(fd_.get(), relative, kRules, path), path);
  }

  [[nodiscard]] Result<std::unique_ptr<ImageFile>> open_image_outside(
      const std::string& path) const override {
    return as_checked(open_regular(AT_FDCWD, path, RESOLVE_NO_SYMLINKS, path), path);
  }

 private:
  static constexpr uint64_t kRules = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

  [[nodiscard]] Result<std::unique_ptr<ImageFile>> as_checked(Result<OpenFile> file,
                                                              const std::string& path) const {
    if (file) PLOOPU_CHECK(check_owner(fd_, file->status, path));
    return as_image(std::move(file));
  }

  UniqueFd fd_;
  std::string path_;
};

// Returns an O_PATH descriptor for a file of the tree `root`; not valid if there is no such file.
Result<UniqueFd> open_in_tree(const std::string& root, const std::string& path, uint64_t flags) {
  UniqueFd directory(AT_FDCWD);
  uint64_t rules = RESOLVE_NO_MAGICLINKS;
  if (root != "/") {
    directory.reset(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid()) return fail_errno(errno, "--root " + root);
    rules |= RESOLVE_IN_ROOT;
  }
  UniqueFd fd = open_path(directory.get(), path, rules, flags);
  if (!fd.valid() && errno == ELOOP) {
    return fail(ErrorKind::damaged,
                "{}: a link of /proc, or links that make a circle, are in the way: refused", path);
  }
  if (!fd.valid() && errno != ENOENT && errno != ENOTDIR) return fail_errno(errno, path);
  return fd;
}

}  // namespace

Result<ResolvedPath> PosixFileSystem::resolve(const std::string& root,
                                              const std::string& path) const {
  PLOOPU_TRY(const auto fd, open_in_tree(root, path, 0));
  if (!fd.valid()) return ResolvedPath{path, PathType::missing};
  struct stat status = {};
  std::array<char, PATH_MAX> real{};
  const ssize_t length = ::readlink(proc_path(fd).c_str(), real.data(), real.size());
  if (length < 0 || ::fstat(fd.get(), &status) != 0) return fail_errno(errno, path);
  return ResolvedPath{std::string(real.data(), static_cast<size_t>(length)),
                      type_of(status.st_mode)};
}

Result<std::optional<std::string>> PosixFileSystem::read_link(const std::string& root,
                                                              const std::string& path) const {
  PLOOPU_TRY(const auto fd, open_in_tree(root, path, O_NOFOLLOW));
  if (!fd.valid()) return std::nullopt;
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(fd.get(), "", target.data(), target.size());
  // The file is no link: for an empty path readlinkat(2) says so by ENOENT.
  if (length < 0 && (errno == ENOENT || errno == EINVAL)) return std::nullopt;
  if (length < 0) return fail_errno(errno, path);
  return std::string(target.data(), static_cast<size_t>(length));
}

Result<TextFile> PosixFileSystem::read_text(const std::string& path, size_t max_bytes) const {
  return read_all(open_regular(AT_FDCWD, path, RESOLVE_NO_SYMLINKS, path), path, max_bytes);
}

Result<std::vector<std::string>> PosixFileSystem::list_directory(const std::string& path) const {
  const UniqueFd handle = open_path(AT_FDCWD, path, RESOLVE_NO_SYMLINKS, O_DIRECTORY);
  if (!handle.valid()) return fail_errno(errno, path);
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(proc_path(handle), error), end;
       !error && entry != end; entry.increment(error)) {
    if (names.size() == kMaxNames) {
      return fail(ErrorKind::damaged, "{}: has more than {} entries: refused", path, kMaxNames);
    }
    names.push_back(entry->path().filename());
  }
  if (error) return fail_errno(error.value(), path);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::unique_ptr<ImageFile>> PosixFileSystem::open_image(const std::string& path) const {
  return as_image(open_regular(AT_FDCWD, path, RESOLVE_NO_SYMLINKS, path));
}

Result<std::unique_ptr<ImageFile>> PosixFileSystem::hold_in_memory(
    std::span<const std::byte> bytes) const {
  constexpr char kWhat[] = "a file in memory";
  UniqueFd file(::memfd_create("ploopu-held", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) return fail_errno(errno, kWhat);
  for (auto rest = bytes; !rest.empty();) {
    const ssize_t written = retry([&] { return ::write(file.get(), rest.data(), rest.size()); });
    if (written <= 0) return fail_errno(written == 0 ? EIO : errno, kWhat);
    rest = rest.subspan(static_cast<size_t>(written));
  }
  struct stat status = {};
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) !=
          0 ||
      ::fstat(file.get(), &status) != 0) {
    return fail_errno(errno, kWhat);
  }
  return std::make_unique<PosixImageFile>(std::move(file), facts_of(status));
}

Result<std::unique_ptr<ImageDirectory>> PosixFileSystem::open_directory(
    const std::string& path) const {
  UniqueFd fd = open_path(AT_FDCWD, path + "/", RESOLVE_NO_SYMLINKS, O_DIRECTORY);
  if (!fd.valid()) return fail_errno(errno, path);
  return std::make_unique<PosixImageDirectory>(std::move(fd), path);
}

Result<std::vector<std::string>> PosixFileSystem::writable_by_others(
    const std::string& directory) const {
  std::vector<std::string> found;
  // The path has no links, so "a/b/.." is "a".
  const auto start = (std::filesystem::path("/" + directory) / "").lexically_normal().parent_path();
  for (auto at = start;; at = at.parent_path()) {
    struct stat status = {};
    if (::stat(at.c_str(), &status) != 0) return fail_errno(errno, at.string());
    if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0) found.push_back(at);
    if (!at.has_relative_path()) return found;
  }
}

}  // namespace ploopu
