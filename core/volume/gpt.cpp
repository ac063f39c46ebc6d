// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/volume/gpt.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/base/little_endian.hpp"
#include "core/base/units.hpp"

namespace ploopu {
namespace {

constexpr std::array<uint32_t, 4> kUnits = {512, 1024, 2048, 4096};
constexpr std::string_view kSignature = "EFI PART";
constexpr std::string_view kConversionSignature = "XXX PART";
constexpr uint32_t kHeaderSize = 92;
constexpr uint32_t kEntrySize = 128;
constexpr size_t kHeaderChecksumAt = 16;
constexpr size_t kAlternateAt = 32;

using Block = std::vector<std::byte>;

bool starts_with(const Block& block, std::string_view signature) {
  return std::equal(signature.begin(), signature.end(), block.begin(),
                    [](char c, std::byte b) { return static_cast<std::byte>(c) == b; });
}

// CRC-32 of IEEE 802.3.
uint32_t checksum(std::span<const std::byte> bytes) {
  constexpr uint32_t kPolynomial = 0xedb88320;
  uint32_t crc = UINT32_MAX;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
  }
  return ~crc;
}

// The checksum is that of a header whose checksum is zero and whose signature is right.
std::string fault_of_checksum(Block block) {
  const uint32_t size = load_le32(block, 12);
  if (size < kHeaderSize || size > block.size()) {
    return fmt::format("its header's size is {}", size);
  }
  const uint32_t expected = load_le32(block, kHeaderChecksumAt);
  std::transform(kSignature.begin(), kSignature.end(), block.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  std::fill_n(block.begin() + kHeaderChecksumAt, 4, std::byte{0});
  if (checksum(std::span(block).first(size)) == expected) return {};
  return "its header's checksum is wrong";
}

// The fault of a header's block numbers; empty without one. libblkid and the kernel check them too.
std::string fault_of_range(const Block& block, uint64_t number, uint64_t last) {
  if (const uint64_t own = load_le64(block, 24); own != number) {
    return fmt::format("its header says that it is in block {}", own);
  }
  const uint64_t first_usable = load_le64(block, 40);
  const uint64_t last_usable = load_le64(block, 48);
  if (last_usable > last) {
    return fmt::format("it uses blocks up to {}, the last one is {}", last_usable, last);
  }
  if (first_usable > last_usable) {
    return fmt::format("it uses blocks {} to {}", first_usable, last_usable);
  }
  return {};
}

std::string fault_of_entries(const DiskView& disk, const Block& block, GptCopy& copy) {
  const uint64_t first = load_le64(block, 72);
  const uint32_t count = load_le32(block, 80);
  const uint32_t size = load_le32(block, 84);
  if (size != kEntrySize || count == 0 || count > kMaxGptEntries / kEntrySize) {
    return fmt::format("it has {} entries of {} bytes", count, size);
  }
  copy.entries_size = uint64_t{count} * size;
  const uint64_t blocks = disk.size() / block.size();
  if (first >= blocks || copy.entries_size > disk.size() - first * block.size()) {
    return fmt::format("its entries are in block {}", first);
  }
  copy.entries_offset = first * block.size();
  Block entries(copy.entries_size);
  if (disk.read(copy.entries_offset, entries) != 0) return "its entries can't be read";
  if (checksum(entries) != load_le32(block, 88)) return "its entries' checksum is wrong";
  return {};
}

// The copy whose header would be in block `number` of a disk with blocks of `unit` bytes.
GptCopy read_copy(const DiskView& disk, uint32_t unit, uint64_t number, uint64_t last) {
  GptCopy copy;
  copy.offset = number * unit;
  Block block(unit);
  if (disk.read(copy.offset, block) != 0) return copy;
  copy.under_conversion = starts_with(block, kConversionSignature);
  copy.present = copy.under_conversion || starts_with(block, kSignature);
  if (!copy.present) return copy;
  copy.fault = fault_of_checksum(block);
  if (copy.fault.empty()) copy.fault = fault_of_range(block, number, last);
  if (copy.fault.empty()) copy.fault = fault_of_entries(disk, block, copy);
  const uint64_t end = std::max(number, load_le64(block, kAlternateAt));
  copy.disk_size = end < UINT64_MAX / unit ? (end + 1) * unit : UINT64_MAX;
  return copy;
}

constexpr int kSoundPrimary = 3;

int rank(const Gpt& gpt) {
  if (gpt.primary.is_sound()) return gpt.primary.under_conversion ? 2 : kSoundPrimary;
  return gpt.backup.is_sound() ? 1 : 0;
}

bool has_protective_mbr(const DiskView& disk) {
  constexpr size_t kFirstEntry = 446, kEntryLength = 16, kTypeAt = 4, kMagicAt = 510;
  Block block(kSectorSize);
  if (disk.read(0, block) != 0) return false;
  if (block[kMagicAt] != std::byte{0x55} || block[kMagicAt + 1] != std::byte{0xaa}) return false;
  for (size_t at = kFirstEntry; at < kMagicAt; at += kEntryLength) {
    if (block[at + kTypeAt] == std::byte{0xee}) return true;
  }
  return false;
}

}  // namespace

std::optional<Gpt> find_gpt(const DiskView& disk) {
  std::optional<Gpt> best;
  for (const uint32_t unit : kUnits) {
    if (disk.size() < 3 * uint64_t{unit}) break;
    const uint64_t last = disk.size() / unit - 1;
    Gpt gpt;
    gpt.unit = unit;
    gpt.primary = read_copy(disk, unit, 1, last);
    gpt.backup = read_copy(disk, unit, last, last);
    if (!gpt.primary.present && !gpt.backup.present) continue;
    if (best && rank(*best) == kSoundPrimary && rank(gpt) == kSoundPrimary) best->other_unit = unit;
    if (!best || rank(gpt) > rank(*best)) best = std::move(gpt);
  }
  if (best) best->has_protective_mbr = has_protective_mbr(disk);
  return best;
}

std::string warning_of_used(const Gpt& gpt, uint64_t disk_size) {
  const GptCopy& primary = gpt.primary;
  const GptCopy& backup = gpt.backup;
  if (!primary.is_sound()) {
    return fmt::format(
        "the partition table (GPT) at byte {} is {}: its backup at byte {} is used", primary.offset,
        primary.present ? "damaged (" + primary.fault + ")" : "missing", backup.offset);
  }
  if (primary.under_conversion) {
    return fmt::format(
        "the partition table (GPT) at byte {} is marked XXX PART: a conversion to another sector "
        "size was interrupted; the table from before it is used",
        primary.offset);
  }
  if (primary.disk_size / gpt.unit != disk_size / gpt.unit) {
    return fmt::format(
        "the partition table (GPT) was made for a disk of {} bytes, this one has {}: "
        "the disk was resized without its table",
        primary.disk_size, disk_size);
  }
  if (!backup.is_sound()) {
    return fmt::format("the backup of the partition table (GPT) at byte {} is {}: it isn't needed",
                       backup.offset,
                       backup.present ? "damaged (" + backup.fault + ")" : "missing");
  }
  if (gpt.other_unit != 0) {
    return fmt::format(
        "the disk has partition tables (GPT) in units of {} and of {} bytes: the first is used",
        gpt.unit, gpt.other_unit);
  }
  return {};
}

std::string warning_of_unused(const Gpt& gpt) {
  const GptCopy& copy = gpt.primary.present ? gpt.primary : gpt.backup;
  if (!copy.is_sound()) {
    return fmt::format(
        "the partition table (GPT) at byte {} is damaged ({}) and has no sound backup: it is not "
        "used",
        copy.offset, copy.fault);
  }
  if (!gpt.has_protective_mbr) {
    return fmt::format(
        "the partition table (GPT) at byte {} has no protective MBR: it may be a remnant and is "
        "not used",
        copy.offset);
  }
  return fmt::format("libblkid refuses the partition table (GPT) at byte {}", copy.offset);
}

}  // namespace ploopu
