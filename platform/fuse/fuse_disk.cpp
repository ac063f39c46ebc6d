// SPDX-License-Identifier: GPL-2.0-or-later
#define FUSE_USE_VERSION 312
#include "platform/fuse/fuse_disk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <vector>

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "core/base/text.hpp"
#include "platform/os/page_pipe.hpp"

namespace ploopu {
namespace {

// The disk changes only by writes through the kernel, so the kernel may cache attributes for a day.
constexpr double kAttributeSeconds = 86400;

const ServedDisk& disk_of(fuse_req_t request) {
  return *static_cast<const ServedDisk*>(fuse_req_userdata(request));
}

// Answers the request with EIO and returns true if the image is strict and was written to.
bool refuse(fuse_req_t request) {
  if (!disk_of(request).is_refused()) return false;
  fuse_reply_err(request, EIO);
  return true;
}

void get_attributes(fuse_req_t request, fuse_ino_t inode, fuse_file_info* /*info*/) {
  struct stat status = {};
  status.st_ino = inode;
  status.st_mode = S_IFREG | (disk_of(request).is_writable() ? 0600 : 0400);
  status.st_nlink = 1;
  status.st_uid = ::geteuid();
  status.st_gid = ::getegid();
  status.st_size = static_cast<off_t>(disk_of(request).view().size());
  status.st_blocks = static_cast<blkcnt_t>(disk_of(request).view().size() / 512);
  fuse_reply_attr(request, &status, kAttributeSeconds);
}

void open_file(fuse_req_t request, fuse_ino_t /*inode*/, fuse_file_info* info) {
  if ((info->flags & O_ACCMODE) != O_RDONLY && !disk_of(request).is_writable()) {
    fuse_reply_err(request, EROFS);
    return;
  }
  info->keep_cache = 1;
  fuse_reply_open(request, info);
}

// Each thread of libfuse has these buffers for as long as it lives.
struct ReadBuffers {
  // At least twice the largest read: a cluster can begin within a page, which takes more slots of
  // the pipe.
  PagePipe pages{size_t{2} << 20};
  std::vector<std::byte> memory;
};

ReadBuffers& read_buffers() {
  thread_local ReadBuffers buffers;
  return buffers;
}

// Replies by a copy in our memory: for small reads, and for reads that don't fit into the pipe.
void reply_from_memory(fuse_req_t request, uint64_t start, uint64_t length) {
  auto& memory = read_buffers().memory;
  if (memory.size() < length) memory.resize(length);
  if (disk_of(request).view().read(start, std::span(memory).first(length)) != 0) {
    fuse_reply_err(request, EIO);
    return;
  }
  fuse_reply_buf(request, reinterpret_cast<const char*>(memory.data()), length);
}

// Replies with pages of the page cache. The kernel fills up a reply that is too short with zeros
// (docs/KERNEL.md#fuse-replies-and-servers), so all data must be in the pipe before the reply
// begins.
void reply_from_pages(fuse_req_t request, uint64_t start, uint64_t length) {
  PagePipe& pages = read_buffers().pages;
  const int error = disk_of(request).view().deliver(start, length, pages);
  if (error == 0) {
    // FUSE_BUFVEC_INIT is C: clang warns about it in C++, and warnings are errors.
    fuse_bufvec data = {};
    data.count = 1;
    data.buf[0].size = length;
    data.buf[0].flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_RETRY);
    data.buf[0].fd = pages.read_end();
    // Without FUSE_BUF_SPLICE_MOVE, which takes pages out of the page cache of the image.
    fuse_reply_data(request, &data, FUSE_BUF_SPLICE_NONBLOCK);
  }
  pages.drop();
  if (error == ENOSPC) {
    reply_from_memory(request, start, length);
  } else if (error != 0) {
    fuse_reply_err(request, EIO);
  }
}

void read_file(fuse_req_t request, fuse_ino_t /*inode*/, size_t size, off_t offset,
               fuse_file_info* /*info*/) {
  constexpr uint64_t kCopied = uint64_t{64} << 10;
  if (refuse(request)) return;
  const uint64_t end = disk_of(request).view().size();
  const auto start = std::min(static_cast<uint64_t>(offset), end);
  const auto length = std::min<uint64_t>(size, end - start);
  (length > kCopied ? reply_from_pages : reply_from_memory)(request, start, length);
}

void write_file(fuse_req_t request, fuse_ino_t /*inode*/, const char* data, size_t size,
                off_t offset, fuse_file_info* /*info*/) {
  if (refuse(request)) return;
  const auto bytes = std::as_bytes(std::span(data, size));
  int error = disk_of(request).write(static_cast<uint64_t>(offset), bytes);
  if (error == EINVAL) error = ENOSPC;  // past the end, where a block device says ENOSPC
  if (error != 0) {
    fuse_reply_err(request, error);
  } else {
    fuse_reply_write(request, size);
  }
}

// Handles fallocate(2), which a loop device calls for a discard.
void punch_file(fuse_req_t request, fuse_ino_t /*inode*/, int mode, off_t offset, off_t length,
                fuse_file_info* /*info*/) {
  if (refuse(request)) return;
  const int kind = mode & ~FALLOC_FL_KEEP_SIZE;
  if (kind != FALLOC_FL_PUNCH_HOLE && kind != FALLOC_FL_ZERO_RANGE) {
    fuse_reply_err(request, EOPNOTSUPP);
    return;
  }
  fuse_reply_err(request, disk_of(request).write_zeroes(static_cast<uint64_t>(offset),
                                                        static_cast<uint64_t>(length)));
}

void sync_file(fuse_req_t request, fuse_ino_t /*inode*/, int /*only_data*/,
               fuse_file_info* /*info*/) {
  fuse_reply_err(request, disk_of(request).flush());
}

void set_up_connection(void* /*disk*/, fuse_conn_info* connection) {
  constexpr unsigned kReadAhead = 4U << 20;
  connection->want |= connection->capable & FUSE_CAP_SPLICE_WRITE;
  connection->max_readahead = std::max(connection->max_readahead, kReadAhead);
}

// Keeps the last message of libfuse for our error: by default libfuse prints to stderr, which a
// server doesn't have.
std::string& last_log_line() {
  static std::string line;
  return line;
}

[[gnu::format(printf, 2, 0)]] void keep_log_line(fuse_log_level /*level*/, const char* format,
                                                 va_list arguments) {
  std::array<char, 512> text{};
  static_cast<void>(std::vsnprintf(text.data(), text.size(), format, arguments));
  last_log_line() = trim(text.data());
}

}  // namespace

Result<void> FuseDisk::mount(const std::string& file) {
  fuse_lowlevel_ops operations = {};
  operations.init = set_up_connection;
  operations.getattr = get_attributes;
  operations.open = open_file;
  operations.read = read_file;
  operations.write = write_file;
  operations.fallocate = punch_file;
  operations.fsync = sync_file;
  const std::string access = disk_.is_writable() ? "rw" : "ro";
  std::array<std::string, 3> words = {"ploopu", "-o", access + ",fsname=ploopu,subtype=ploopu"};
  std::array<char*, 3> arguments = {words[0].data(), words[1].data(), words[2].data()};
  fuse_args args = {static_cast<int>(arguments.size()), arguments.data(), 0};
  session_ =
      fuse_session_new(&args, &operations, sizeof operations, const_cast<ServedDisk*>(&disk_));
  if (session_ == nullptr) return fail(ErrorKind::failed, "libfuse could not be initialised");
  fuse_set_log_func(keep_log_line);
  const int mounted = fuse_session_mount(session_, file.c_str());
  fuse_set_log_func(nullptr);
  if (mounted == 0) return {};
  if (::geteuid() == 0) {
    return fail(ErrorKind::failed, "{}: mounting by FUSE failed: {}", file, last_log_line());
  }
  return fail(
      ErrorKind::not_permitted,
      "{}: mounting by FUSE failed: {} (users other than root need fusermount3 of package fuse3)",
      file, last_log_line());
}

void FuseDisk::run() {
  const std::unique_ptr<fuse_loop_config, decltype(&fuse_loop_cfg_destroy)> config(
      fuse_loop_cfg_create(), fuse_loop_cfg_destroy);
  fuse_session_loop_mt(session_, config.get());
}

FuseDisk::~FuseDisk() {
  if (session_ == nullptr) return;
  fuse_session_unmount(session_);
  fuse_session_destroy(session_);
}

}  // namespace ploopu
