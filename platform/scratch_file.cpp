// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/scratch_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "platform/unique_fd.hpp"

namespace ploopu {
namespace {

// With less than that free, no journal can be replayed.
constexpr uint64_t kLeastRoom = uint64_t{1} << 20;

class PosixScratchFile final : public ScratchFile {
 public:
  PosixScratchFile(UniqueFd fd, const struct stat& status)
      : fd_(std::move(fd)),
        size_(static_cast<uint64_t>(status.st_size)),
        identity_{status.st_dev, status.st_ino} {}

  [[nodiscard]] uint64_t size() const override { return size_; }
  [[nodiscard]] FileIdentity identity() const override { return identity_; }
  [[nodiscard]] int descriptor() const override { return fd_.get(); }

  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const override {
    return transfer(offset, out, ::pread);
  }
  [[nodiscard]] int write(uint64_t offset, std::span<const std::byte> data) const override {
    const int error = transfer(offset, data, ::pwrite);
    // Of all of these the writer can only know that there is no room.
    return error == EDQUOT || error == EFBIG ? ENOSPC : error;
  }
  [[nodiscard]] int punch(uint64_t offset, uint64_t length) const override {
    const int done = ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                 static_cast<off_t>(offset), static_cast<off_t>(length));
    return done == 0 ? 0 : errno;
  }

 private:
  template <class Bytes, class Call>
  [[nodiscard]] int transfer(uint64_t offset, Bytes bytes, Call call) const {
    while (!bytes.empty()) {
      const ssize_t done = call(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
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
};

// NFS, for one, knows no files without a name.
UniqueFd open_unnamed(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd.valid() || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  std::string name = directory + "/.ploopu-XXXXXX";
  fd.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (fd.valid()) ::unlink(name.c_str());
  return fd;
}

}  // namespace

Result<Scratch> create_scratch(const std::string& directory, uint64_t size) {
  const auto refuse = [&](int error) {
    return fail_errno(error, fmt::format("{}: a scratch file for the overlay there (--overlay-dir "
                                         "names another place)",
                                         directory));
  };
  UniqueFd fd = open_unnamed(directory);
  if (!fd.valid()) return refuse(errno);
  struct statvfs room = {};
  struct stat status = {};
  if (::fstatvfs(fd.get(), &room) != 0 || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0 ||
      ::fstat(fd.get(), &status) != 0) {
    return refuse(errno);
  }
  const uint64_t free = uint64_t{room.f_bavail} * room.f_frsize;
  if (free < kLeastRoom) return refuse(ENOSPC);
  return Scratch{std::make_unique<PosixScratchFile>(std::move(fd), status), free};
}

}  // namespace ploopu
