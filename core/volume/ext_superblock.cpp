// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/volume/ext_superblock.hpp"

#include <array>
#include <bit>
#include <string>
#include <string_view>

#include "core/base/little_endian.hpp"
#include "core/confine/confined.hpp"

namespace ploopu {
namespace {

constexpr uint64_t kSuperblock = 1024;  // bytes from the start of the file system

// Fields, by their bytes from the start of the superblock.
constexpr size_t kBlocksCount = 0x04;
constexpr size_t kLogBlockSize = 0x18;
constexpr size_t kMagic = 0x38;
constexpr size_t kRevision = 0x4c;
constexpr size_t kInodeSize = 0x58;
constexpr size_t kCompatFeatures = 0x5c;
constexpr size_t kIncompatFeatures = 0x60;
constexpr size_t kJournalInode = 0xe0;
constexpr size_t kJournalDevice = 0xe4;
constexpr size_t kBlocksCountHigh = 0x150;
constexpr size_t kMountOptions = 0x200;
constexpr size_t kMountOptionsSize = 64;

constexpr uint32_t kCompatHasJournal = 4;
constexpr uint32_t kIncompatRecover = 4;
constexpr uint32_t kIncompatJournalDevice = 8;

struct Superblock {
  std::string where;
  std::array<std::byte, 1024> bytes{};

  [[nodiscard]] uint32_t u16(size_t field) const { return load_le32(bytes, field) & 0xffff; }
  [[nodiscard]] uint32_t u32(size_t field) const { return load_le32(bytes, field); }
  [[nodiscard]] bool needs_recovery() const {
    return (u32(kIncompatFeatures) & kIncompatRecover) != 0;
  }
  [[nodiscard]] bool has_journal() const { return (u32(kCompatFeatures) & kCompatHasJournal) != 0; }
};

Result<Superblock> read_superblock(const DiskView& disk, uint64_t start) {
  Superblock superblock;
  superblock.where = fmt::format("the superblock at disk byte {}", start + kSuperblock);
  if (int error = disk.read(start + kSuperblock, superblock.bytes); error != 0) {
    return fail_errno(error, "reading " + superblock.where);
  }
  return superblock;
}

Result<void> check_sizes(const Superblock& superblock, uint64_t length) {
  constexpr uint32_t kExtMagic = 0xef53, kMaxLogBlockSize = 6, kMinInodeSize = 128;
  constexpr char kAdvice[] = "attach the image and run e2fsck -n on the partition";
  if (const uint32_t magic = superblock.u16(kMagic); magic != kExtMagic) {
    return fail(ErrorKind::damaged, "{}: s_magic is {:#06x}, not {:#06x}: {}", superblock.where,
                magic, kExtMagic, kAdvice);
  }
  const uint32_t log_size = superblock.u32(kLogBlockSize);
  if (log_size > kMaxLogBlockSize) {
    return fail(ErrorKind::damaged, "{}: s_log_block_size is {}: must be 0..{}: {}",
                superblock.where, log_size, kMaxLogBlockSize, kAdvice);
  }
  const uint32_t block_size = 1024U << log_size;
  // Before revision 1 there was one size, and no field.
  const uint32_t inode_size =
      superblock.u32(kRevision) == 0 ? kMinInodeSize : superblock.u16(kInodeSize);
  if (inode_size < kMinInodeSize || inode_size > block_size || !std::has_single_bit(inode_size)) {
    return fail(ErrorKind::damaged, "{}: s_inode_size is {}: must be a power of two in {}..{}: {}",
                superblock.where, inode_size, kMinInodeSize, block_size, kAdvice);
  }
  // The high half counts without INCOMPAT_64BIT too, for the kernel.
  const uint64_t blocks = superblock.u32(kBlocksCount) | uint64_t{superblock.u32(kBlocksCountHigh)}
                                                             << 32;
  if (blocks > length / block_size) {
    return fail(ErrorKind::damaged,
                "{}: s_blocks_count is {}, but the partition has {} blocks of {} bytes: {}",
                superblock.where, blocks, length / block_size, block_size, kAdvice);
  }
  return {};
}

// The device that an image names is one of this host's, and the kernel would open it to write.
Result<void> check_journal(const Superblock& superblock) {
  constexpr char kRefused[] = "an external journal is refused: attach the image and use debugfs";
  if ((superblock.u32(kIncompatFeatures) & kIncompatJournalDevice) != 0) {
    return fail(ErrorKind::damaged,
                "{}: s_feature_incompat is {:#x}: it is the journal of another file system: "
                "mount that one",
                superblock.where, superblock.u32(kIncompatFeatures));
  }
  if (const uint32_t device = superblock.u32(kJournalDevice); device != 0) {
    return fail(ErrorKind::damaged, "{}: s_journal_dev is {:#x}: {}", superblock.where, device,
                kRefused);
  }
  if (superblock.has_journal() && superblock.u32(kJournalInode) == 0) {
    return fail(ErrorKind::damaged, "{}: s_journal_inum is 0: {}", superblock.where, kRefused);
  }
  return {};
}

Result<void> check_options(const Superblock& superblock) {
  const std::string_view field(reinterpret_cast<const char*>(&superblock.bytes[kMountOptions]),
                               kMountOptionsSize);
  const auto options = field.substr(0, field.find('\0'));
  if (options.empty()) return {};
  return fail(ErrorKind::damaged,
              "{}: s_mount_opts is '{}': options that the image brings are refused: attach it and "
              "use debugfs",
              superblock.where, options);
}

Result<bool> check_superblock(const DiskView& disk, uint64_t start, uint64_t length) {
  PLOOPU_TRY(const auto superblock, read_superblock(disk, start));
  PLOOPU_CHECK(check_sizes(superblock, length));
  PLOOPU_CHECK(check_journal(superblock));
  PLOOPU_CHECK(check_options(superblock));
  return superblock.needs_recovery();
}

}  // namespace

Result<bool> check_ext(const DiskView& disk, uint64_t start, uint64_t length) {
  return confined<bool>({disk.name(), WorkSize::parsing, disk.file_descriptors()},
                        [&] { return check_superblock(disk, start, length); });
}

}  // namespace ploopu
