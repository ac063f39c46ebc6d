// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/ext_superblock.hpp"

#include <array>

#include "core/little_endian.hpp"

namespace ploopu {
namespace {

constexpr uint64_t kSuperblock = 1024;  // bytes from the start of the file system
constexpr size_t kIncompatFeatures = 0x60;
constexpr uint32_t kIncompatRecover = 4;

}  // namespace

Result<bool> ext_needs_recovery(const Disk& disk, uint64_t start) {
  std::array<std::byte, 1024> superblock{};
  if (int error = disk.read(start + kSuperblock, superblock); error != 0) {
    return fail_errno(error,
                      fmt::format("reading the superblock at disk byte {}", start + kSuperblock));
  }
  return (load_le32(superblock, kIncompatFeatures) & kIncompatRecover) != 0;
}

}  // namespace ploopu
