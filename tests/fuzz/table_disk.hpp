// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a disk from the input, for targets that look for partition tables:
//     byte     1: correct the checksums of the GPTs, which a fuzzer can't guess
//     byte     sectors of the input's end that become the end of the disk, the place of a backup
//     GPT byte     sectors of zeros before that end rest     the disk
#pragma once

#include <algorithm>
#include <string_view>

#include "core/base/little_endian.hpp"
#include "core/disk/disk.hpp"
#include "tests/fuzz/fuzzing.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {

inline uint32_t crc32(std::span<const std::byte> bytes) {
  uint32_t crc = UINT32_MAX;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

inline void store_le32(std::span<std::byte> bytes, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
}

// Corrects the checksums of the GPT header in a block, if there is one. UEFI 2.10, table 5-5.
inline void repair_gpt(Bytes& disk, uint64_t unit, uint64_t block) {
  constexpr std::string_view kPart = "PART";
  constexpr size_t kHeaderSize = 92;
  const auto header = std::span(disk).subspan(block * unit, unit);
  const auto same = [](char c, std::byte b) { return static_cast<std::byte>(c) == b; };
  if (!std::equal(kPart.begin(), kPart.end(), header.begin() + 4, same)) return;
  const uint64_t first = load_le64(header, 72);
  const uint64_t size = uint64_t{load_le32(header, 80)} * load_le32(header, 84);
  if (first < disk.size() / unit && size <= disk.size() - first * unit) {
    store_le32(header, 88, crc32(std::span(disk).subspan(first * unit, size)));
  }
  Bytes summed(header.begin(), header.begin() + kHeaderSize);
  summed[0] = std::byte{'E'};  // a header may begin with "XXX PART"
  summed[1] = std::byte{'F'};
  summed[2] = std::byte{'I'};
  store_le32(summed, 12, kHeaderSize);
  store_le32(summed, 16, 0);
  store_le32(header, 12, kHeaderSize);
  store_le32(header, 16, crc32(summed));
}

inline Disk any_disk(Input input) {
  const bool repairs = (input.byte() & 1) != 0;
  const uint64_t end = input.byte() * kSectorSize;
  const uint64_t zeros = input.byte() * kSectorSize;
  Bytes disk = input.bytes();
  disk.insert(disk.end() - static_cast<ptrdiff_t>(std::min<uint64_t>(end, disk.size())), zeros,
              std::byte{0});
  disk.resize((disk.size() + kSectorSize - 1) / kSectorSize * kSectorSize);
  for (const uint64_t unit : {512U, 1024U, 2048U, 4096U}) {
    if (!repairs || disk.size() < 3 * unit) break;
    repair_gpt(disk, unit, 1);
    repair_gpt(disk, unit, disk.size() / unit - 1);
  }
  return *Disk::assemble(chain(open_raw(std::make_shared<MemoryFile>(std::move(disk)), 8)));
}

}  // namespace ploopu::testing
