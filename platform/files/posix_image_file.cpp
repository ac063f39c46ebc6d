// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/posix_image_file.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "platform/os/retry.hpp"

namespace ploopu {
namespace {

constexpr int64_t kSecond = 1'000'000'000;  // in nanoseconds

}  // namespace

ImageFileFacts facts_of(const struct stat& status) {
  return {static_cast<uint64_t>(status.st_size),
          {status.st_dev, status.st_ino},
          status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec};
}

ImageFileFacts facts_of(const struct statx& status) {
  return {status.stx_size,
          {makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino},
          status.stx_mtime.tv_sec * kSecond + status.stx_mtime.tv_nsec};
}

void PosixImageFile::prefetch(uint64_t offset, uint64_t length) const {
  // The kernel limits one call to the largest request of the disk, so the range is asked for in
  // pieces.
  constexpr uint64_t kPiece = uint64_t{256} << 10;
  for (const uint64_t end = offset + length; offset < end; offset += kPiece) {
    ::posix_fadvise(fd_.get(), static_cast<off_t>(offset),
                    static_cast<off_t>(std::min(kPiece, end - offset)), POSIX_FADV_WILLNEED);
  }
}

uint64_t PosixImageFile::next_data(uint64_t offset) const {
  const off_t found = ::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
  if (found >= 0) return static_cast<uint64_t>(found);
  // ENXIO: no data from here to the end of the file. The rest is a hole only if the file still has
  // the size that we know: a file that was truncated has lost data.
  struct stat now = {};
  const bool is_whole = errno == ENXIO && ::fstat(fd_.get(), &now) == 0 &&
                        static_cast<uint64_t>(now.st_size) >= size();
  return is_whole ? std::max(size(), offset) : offset;
}

uint64_t PosixImageFile::next_hole(uint64_t offset) const {
  const off_t found = ::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_HOLE);
  return found < 0 ? size() : std::min(static_cast<uint64_t>(found), size());
}

int PosixImageFile::read(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = retry(
        [&] { return ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset)); });
    if (got < 0) return errno;
    if (got == 0) return EIO;  // the file was truncated
    out = out.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return 0;
}

}  // namespace ploopu
