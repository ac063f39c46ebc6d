// SPDX-License-Identifier: GPL-2.0-or-later
#define FUSE_USE_VERSION 312
#include "platform/fuse_disk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <vector>

#include <fuse_lowlevel.h>
#include <unistd.h>

#include "core/text.hpp"

namespace ploopu {
namespace {

// The disk doesn't change: the kernel may keep what it knows.
constexpr double kAttributeSeconds = 86400;

const Disk& disk_of(fuse_req_t request) {
  return *static_cast<const Disk*>(fuse_req_userdata(request));
}

void get_attributes(fuse_req_t request, fuse_ino_t inode, fuse_file_info* /*info*/) {
  struct stat status = {};
  status.st_ino = inode;
  status.st_mode = S_IFREG | 0400;
  status.st_nlink = 1;
  status.st_uid = ::geteuid();
  status.st_gid = ::getegid();
  status.st_size = static_cast<off_t>(disk_of(request).size());
  status.st_blocks = static_cast<blkcnt_t>(disk_of(request).size() / 512);
  fuse_reply_attr(request, &status, kAttributeSeconds);
}

void open_file(fuse_req_t request, fuse_ino_t /*inode*/, fuse_file_info* info) {
  if ((info->flags & O_ACCMODE) != O_RDONLY) {
    fuse_reply_err(request, EROFS);
    return;
  }
  info->keep_cache = 1;
  fuse_reply_open(request, info);
}

void read_file(fuse_req_t request, fuse_ino_t /*inode*/, size_t size, off_t offset,
               fuse_file_info* /*info*/) {
  // libfuse keeps its threads, so a buffer for each is enough.
  thread_local std::vector<std::byte> buffer;
  const Disk& disk = disk_of(request);
  const auto start = std::min(static_cast<uint64_t>(offset), disk.size());
  const auto length = std::min<uint64_t>(size, disk.size() - start);
  if (buffer.size() < length) buffer.resize(length);
  if (disk.read(start, std::span(buffer).first(length)) != 0) {
    fuse_reply_err(request, EIO);
    return;
  }
  fuse_reply_buf(request, reinterpret_cast<const char*>(buffer.data()), length);
}

// What libfuse has to say goes to stderr by default, which a server doesn't have.
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
  operations.getattr = get_attributes;
  operations.open = open_file;
  operations.read = read_file;
  std::array<std::string, 3> words = {"ploopu", "-o", "ro,fsname=ploopu,subtype=ploopu"};
  std::array<char*, 3> arguments = {words[0].data(), words[1].data(), words[2].data()};
  fuse_args args = {static_cast<int>(arguments.size()), arguments.data(), 0};
  session_ = fuse_session_new(&args, &operations, sizeof operations, const_cast<Disk*>(&disk_));
  if (session_ == nullptr) return fail(ErrorKind::failed, "libfuse could not be initialised");
  fuse_set_log_func(keep_log_line);
  const int mounted = fuse_session_mount(session_, file.c_str());
  fuse_set_log_func(nullptr);
  if (mounted == 0) return {};
  if (::geteuid() == 0) {
    return fail(ErrorKind::failed, "{}: mounting by FUSE failed: {}", file, last_log_line());
  }
  return fail(ErrorKind::not_permitted,
              "{}: mounting by FUSE failed: {} (who isn't root needs fusermount3 of package fuse3)",
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
