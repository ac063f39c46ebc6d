// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/posix_scratch_file.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/path.hpp"
#include "platform/os/retry.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

// An overlay with less room than this cannot even replay a journal.
constexpr uint64_t kLeastRoom = uint64_t{1} << 20;

class PosixScratchFile final : public ScratchFile {
 public:
  PosixScratchFile(UniqueFd fd, const struct stat& status, bool is_kept)
      : fd_(std::move(fd)),
        size_(static_cast<uint64_t>(status.st_size)),
        identity_{status.st_dev, status.st_ino},
        is_kept_(is_kept) {}

  [[nodiscard]] uint64_t size() const override { return size_; }
  [[nodiscard]] FileIdentity identity() const override { return identity_; }
  [[nodiscard]] int descriptor() const override { return fd_.get(); }

  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const override {
    return transfer(offset, out, ::pread);
  }
  [[nodiscard]] int write(uint64_t offset, std::span<const std::byte> data) const override {
    const int error = no_room_or(transfer(offset, data, ::pwrite));
    return is_kept_ && error == 0 ? send_to_disk(data.size()) : error;
  }
  [[nodiscard]] int punch(uint64_t offset, uint64_t length) const override {
    const int done = ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                 static_cast<off_t>(offset), static_cast<off_t>(length));
    return done == 0 ? 0 : errno;
  }
  [[nodiscard]] int reserve(uint64_t offset, uint64_t length) const override {
    const int done = ::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                                 static_cast<off_t>(length));
    return done == 0 || errno == EOPNOTSUPP ? 0 : no_room_or(errno);
  }
  [[nodiscard]] int sync() const override { return ::fdatasync(fd_.get()) == 0 ? 0 : errno; }

 private:
  // ENOSPC is the only error of this kind that a block device can report.
  static int no_room_or(int error) { return error == EDQUOT || error == EFBIG ? ENOSPC : error; }

  // Writes pages back early, because a flush after gigabytes takes longer than the kernel waits for
  // a request.
  [[nodiscard]] int send_to_disk(uint64_t written) const {
    constexpr uint64_t kBacklog = uint64_t{8} << 20;
    const uint64_t waiting = waiting_ += written;
    if (waiting < kBacklog) return 0;
    waiting_ -= waiting;
    return sync();
  }

  template <class Bytes, class Call>
  [[nodiscard]] int transfer(uint64_t offset, Bytes bytes, Call call) const {
    while (!bytes.empty()) {
      const ssize_t done = retry(
          [&] { return call(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (done < 0) return errno;
      if (done == 0) return EIO;
      bytes = bytes.subspan(static_cast<size_t>(done));
      offset += static_cast<uint64_t>(done);
    }
    return 0;
  }

  UniqueFd fd_;
  uint64_t size_;
  FileIdentity identity_;
  bool is_kept_;
  mutable std::atomic<uint64_t> waiting_ = 0;  // bytes written since the last send_to_disk()
};

// Falls back to a named file that is removed at once: some file systems, such as NFS, don't support
// O_TMPFILE.
UniqueFd open_unnamed(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd.valid() || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  std::string name = directory + "/.ploopu-XXXXXX";
  fd.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (fd.valid()) ::unlink(name.c_str());
  return fd;
}

Result<Scratch> with_room(UniqueFd fd, bool is_kept) {
  struct statvfs room = {};
  struct stat status = {};
  if (::fstatvfs(fd.get(), &room) != 0 || ::fstat(fd.get(), &status) != 0) {
    return fail_errno(errno, "its size");
  }
  const uint64_t free = uint64_t{room.f_bavail} * room.f_frsize;
  return Scratch{std::make_unique<PosixScratchFile>(std::move(fd), status, is_kept), free};
}

Result<void> lock_for_good(const UniqueFd& fd, const std::string& path) {
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return fail_errno(errno, fmt::format("{}: locking it", path));
  return fail(ErrorKind::busy, "{}: is in use, by another image or another host: detach that first",
              path);
}

tl::unexpected<Error> refuse_kept(const std::string& path, int error) {
  return fail_errno(error, fmt::format("{}: creating the overlay file", path));
}

Result<Scratch> size_kept(const std::string& path, UniqueFd fd, uint64_t size) {
  PLOOPU_CHECK(lock_for_good(fd, path));
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return refuse_kept(path, errno);
  PLOOPU_TRY(auto made, with_room(std::move(fd), true));
  if (made.free < kLeastRoom) return refuse_kept(path, ENOSPC);
  return made;
}

Result<UniqueFd> open_kept(const std::string& path, int access) {
  struct stat status = {};
  // Looks at the path first, because opening a device has effects, and then at the open file, which
  // may be another one.
  UniqueFd fd;
  for (int look = 0; look < 2; ++look) {
    const int looked = look == 0 ? ::stat(path.c_str(), &status) : ::fstat(fd.get(), &status);
    if (looked != 0) return fail_errno(errno, path);
    if (!S_ISREG(status.st_mode)) {
      return fail(ErrorKind::refused, "{}: is not a regular file: choose another overlay file",
                  path);
    }
    if ((status.st_mode & S_IWOTH) != 0) {
      return fail(ErrorKind::refused, "{}: everybody may write to it: run 'chmod o-w' on it first",
                  path);
    }
    if (look == 1) break;
    fd.reset(::open(path.c_str(), access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd.valid()) return fail_errno(errno, path);
  }
  return fd;
}

}  // namespace

Result<Scratch> create_scratch(const std::string& directory, uint64_t size) {
  const auto refuse = [&](int error) {
    auto failure = fail_errno(error, "cannot create the overlay in " + directory);
    failure.value().message += " (choose a directory with --overlay-dir)";
    return failure;
  };
  UniqueFd fd = open_unnamed(directory);
  if (!fd.valid() || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return refuse(errno);
  PLOOPU_TRY(auto scratch, with_room(std::move(fd), false));
  if (scratch.free < kLeastRoom) return refuse(ENOSPC);
  return scratch;
}

Result<Scratch> create_kept_scratch(const std::string& path, uint64_t size) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return refuse_kept(path, errno);
  auto scratch = size_kept(path, std::move(fd), size);
  if (!scratch) ::unlink(path.c_str());
  return scratch;
}

Result<void> check_kept_scratch(const std::string& path, uint64_t size) {
  UniqueFd fd = open_unnamed(directory_of(path));
  if (!fd.valid()) return refuse_kept(path, errno);
  PLOOPU_CHECK(size_kept(path, std::move(fd), size));
  return {};
}

Result<Scratch> open_kept_scratch(const std::string& path) {
  PLOOPU_TRY(auto fd, open_kept(path, O_RDWR));
  PLOOPU_CHECK(lock_for_good(fd, path));
  struct stat opened = {}, named = {};
  // The process that created the file may have failed and removed it meanwhile.
  if (::fstat(fd.get(), &opened) != 0 || ::stat(path.c_str(), &named) != 0 ||
      opened.st_dev != named.st_dev || opened.st_ino != named.st_ino) {
    return fail(ErrorKind::busy, "{}: was just removed by another process: try again", path);
  }
  return with_room(std::move(fd), true);
}

Result<Scratch> view_kept_scratch(const std::string& path) {
  PLOOPU_TRY(auto fd, open_kept(path, O_RDONLY));
  return with_room(std::move(fd), true);
}

}  // namespace ploopu
