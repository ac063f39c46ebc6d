// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/probe/ext_io.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace ploopu {
namespace {

// Bytes of work that every image may cause. They take at most two seconds.
constexpr uint64_t kLeastWork = uint64_t{512} << 20;
// An eighth of the image is added: inodes are 1.6 % of a file system by default, and 6 % if mke2fs
// was told to expect small files.
constexpr uint64_t kShareOfImage = 8;
// The share has a limit, because sparse images can claim any size.
constexpr uint64_t kMostShare = uint64_t{4} << 30;
// Group descriptors of a file system of 128 TiB with blocks of 4 KiB. libext2fs keeps all group
// descriptors in memory.
constexpr uint64_t kMaxDescriptorBytes = uint64_t{64} << 20;

struct Source {
  const Disk& disk;
  const Partition& partition;
  WorkLimit& limit;
};

// The source for open_channel(): libext2fs passes only a name to it.
thread_local const Source* opening = nullptr;

struct Channel {
  struct_io_channel base = {};
  Source source;
};

errcode_t open_channel(const char* /*name*/, int flags, io_channel* channel);

errcode_t close_channel(io_channel channel) {
  if (--channel->refcount == 0) {
    std::unique_ptr<Channel>(static_cast<Channel*>(channel->private_data)).reset();
  }
  return 0;
}

errcode_t set_block_size(io_channel channel, int size) {
  channel->block_size = size;
  return 0;
}

// A positive `count` is in blocks, a negative one in bytes.
errcode_t read_blocks(io_channel channel, unsigned long long block, int count, void* data) {
  const auto& [disk, partition, limit] = static_cast<Channel*>(channel->private_data)->source;
  const auto block_size = static_cast<uint64_t>(channel->block_size);
  const uint64_t bytes = count < 0 ? static_cast<uint64_t>(-int64_t{count})
                                   : static_cast<uint64_t>(count) * block_size;
  if (block > partition.size / block_size || bytes > partition.size - block * block_size) {
    return EXT2_ET_SHORT_READ;
  }
  if (!limit.spend(bytes)) return EXT2_ET_CANCEL_REQUESTED;
  const std::span out(static_cast<std::byte*>(data), bytes);
  return disk.read(partition.start + block * block_size, out);
}

errcode_t read_blocks_32(io_channel channel, unsigned long block, int count, void* data) {
  return read_blocks(channel, block, count, data);
}

errcode_t refuse_to_write(io_channel /*channel*/, unsigned long /*block*/, int /*count*/,
                          const void* /*data*/) {
  return EROFS;
}

errcode_t flush(io_channel /*channel*/) { return 0; }

struct_io_manager make_manager() {
  struct_io_manager manager = {};
  manager.magic = EXT2_ET_MAGIC_IO_MANAGER;
  manager.name = "ploopu";
  manager.open = open_channel;
  manager.close = close_channel;
  manager.set_blksize = set_block_size;
  manager.read_blk = read_blocks_32;
  manager.read_blk64 = read_blocks;
  manager.write_blk = refuse_to_write;
  manager.flush = flush;
  return manager;
}

struct_io_manager* manager() {
  static struct_io_manager the_manager = make_manager();
  return &the_manager;
}

errcode_t open_channel(const char* /*name*/, int flags, io_channel* channel) {
  if ((flags & IO_FLAG_RW) != 0) return EROFS;
  auto made = std::make_unique<Channel>(Channel{{}, *opening});
  made->base.magic = EXT2_ET_MAGIC_IO_CHANNEL;
  made->base.manager = manager();
  made->base.block_size = SUPERBLOCK_OFFSET;
  made->base.refcount = 1;
  made->base.private_data = made.get();
  *channel = &made.release()->base;  // close_channel() deletes it
  return 0;
}

// The place of a superblock: the superblock itself, or the copy in another group.
struct Copy {
  int group = 0;  // 0: the superblock itself
  int block = 0;
  unsigned block_size = 0;
};

errcode_t open_once(const Source& source, const Copy& copy, int flags, ExtFileSystem& opened) {
  constexpr int kFlags = EXT2_FLAG_64BITS | EXT2_FLAG_IGNORE_CSUM_ERRORS | EXT2_FLAG_SKIP_MMP;
  ext2_filsys fs = nullptr;
  opening = &source;
  const errcode_t error =
      ext2fs_open2("ploopu", nullptr, kFlags | flags, copy.block, copy.block_size, manager(), &fs);
  opening = nullptr;
  if (error != 0) return error;
  opened.reset(fs);
  // A copy says its own group. A superblock without it belongs to a file system inside of a file.
  const bool is_copy = copy.group == 0 || fs->super->s_block_group_nr == copy.group;
  return is_copy ? 0 : EXT2_ET_BAD_MAGIC;
}

// Opens the superblock alone first: its fields decide how much memory the group descriptors take.
errcode_t open_by(const Source& source, const Copy& copy, ExtFileSystem& opened) {
  ExtFileSystem claims;
  if (const auto error = open_once(source, copy, EXT2_FLAG_SUPER_ONLY, claims); error != 0) {
    return error;
  }
  if (uint64_t{claims->desc_blocks} * claims->blocksize > kMaxDescriptorBytes) {
    return EXT2_ET_CORRUPT_SUPERBLOCK;
  }
  return open_once(source, copy, 0, opened);
}

std::vector<Copy> places_of_copies() {
  std::vector<Copy> copies;
  // With the feature sparse_super these groups have a copy; without it all groups have.
  for (const unsigned block_size : {4096U, 1024U, 2048U}) {
    for (const int group : {1, 3, 5, 7, 9}) {
      const int first_block = block_size == 1024 ? 1 : 0;
      copies.push_back({group, group * static_cast<int>(block_size) * 8 + first_block, block_size});
    }
  }
  return copies;
}

}  // namespace

WorkLimit::WorkLimit(const Disk& disk) {
  uint64_t file_bytes = 0;
  for (const auto& delta : disk.deltas()) file_bytes += delta.file_size();
  const uint64_t allocated = disk.clusters_allocated() * disk.cluster_size();
  left_ = kLeastWork + std::min(std::min(file_bytes, allocated) / kShareOfImage, kMostShare);
}

Result<OpenedExt> open_ext(const Disk& disk, const Partition& partition, WorkLimit& limit) {
  initialize_ext2_error_table();
  const Source source{disk, partition, limit};
  OpenedExt opened;
  const errcode_t error = open_by(source, {}, opened.fs);
  if (error == 0) return opened;
  for (const auto& copy : places_of_copies()) {
    if (open_by(source, copy, opened.fs) != 0) continue;
    opened.note = fmt::format(
        "its superblock or group descriptors can't be used ({}): using their copy at "
        "block {}",
        error_message(error), copy.block);
    return opened;
  }
  return fail(ErrorKind::damaged, "{}, and its superblock has no usable copy",
              error_message(error));
}

}  // namespace ploopu
