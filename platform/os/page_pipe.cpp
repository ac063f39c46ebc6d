// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/page_pipe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "platform/os/retry.hpp"

namespace ploopu {
namespace {

constexpr size_t kPiece = size_t{64} << 10;
// Must stay constant: the pipe refers to these pages.
alignas(4096) const std::array<std::byte, kPiece> kZeros{};

// The pipe is full: waiting is no use, as only this thread empties the pipe.
int full_or(int error) { return error == EAGAIN ? ENOSPC : error; }

}  // namespace

PagePipe::PagePipe(size_t capacity) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return;
  read_end_ = UniqueFd(ends[0]);
  write_end_ = UniqueFd(ends[1]);
  nowhere_.reset(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!nowhere_.valid()) write_end_.reset();
  // Users other than root get at most /proc/sys/fs/pipe-max-size; half of the wish is still better
  // than the default.
  while (::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(capacity)) < 0 && capacity > kPiece) {
    capacity /= 2;
  }
}

int PagePipe::add_zeros(uint64_t length) {
  while (length > 0) {
    struct iovec piece = {const_cast<std::byte*>(kZeros.data()), std::min<size_t>(length, kPiece)};
    const ssize_t got =
        retry([&] { return ::vmsplice(write_end_.get(), &piece, 1, SPLICE_F_NONBLOCK); });
    if (got <= 0) return write_end_.valid() && got < 0 ? full_or(errno) : ENOSPC;
    length -= static_cast<uint64_t>(got);
    size_ += static_cast<size_t>(got);
  }
  return 0;
}

int PagePipe::add_data(const ImageFile& file, uint64_t offset, uint64_t length) {
  auto position = static_cast<off64_t>(offset);
  if (!write_end_.valid()) return ENOSPC;
  while (length > 0) {
    const ssize_t got = retry([&] {
      return ::splice(file.descriptor(), &position, write_end_.get(), nullptr, length,
                      SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    });
    // The file system doesn't support splice, or the file has no descriptor.
    if (got < 0 && (errno == EINVAL || errno == EBADF)) return ENOSPC;
    if (got < 0) return full_or(errno);
    if (got == 0) return EIO;  // the file ends here
    length -= static_cast<uint64_t>(got);
    size_ += static_cast<size_t>(got);
  }
  return 0;
}

bool PagePipe::move_to(int descriptor) {
  while (size_ > 0) {
    const ssize_t got = retry([&] {
      return ::splice(read_end_.get(), nullptr, descriptor, nullptr, size_, SPLICE_F_MOVE);
    });
    if (got <= 0) return false;
    size_ -= static_cast<size_t>(got);
  }
  return true;
}

// Discards by splice, so that the sandbox needs to allow no other call.
void PagePipe::drop() {
  while (size_ > 0) {
    const ssize_t got = retry([&] {
      return ::splice(read_end_.get(), nullptr, nowhere_.get(), nullptr, size_,
                      SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    });
    if (got <= 0) break;  // empty, because others took data; or an error, which is looked at below
    size_ -= static_cast<size_t>(got);
  }
  int left = 0;
  if (size_ > 0 && (::ioctl(read_end_.get(), FIONREAD, &left) != 0 || left != 0))
    write_end_.reset();
  size_ = 0;
}

}  // namespace ploopu
