// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/format/ploop_header.hpp"

#include <algorithm>
#include <string_view>

#include "core/base/little_endian.hpp"

namespace ploopu {
namespace {

constexpr size_t kMagicSize = 16;
constexpr std::string_view kMagicV1 = "WithoutFreeSpace";
constexpr std::string_view kMagicV2 = "WithouFreSpacExt";
constexpr std::string_view kMagicQcow2 = "QFI\xfb";
constexpr uint32_t kTypePloop = 2;
constexpr uint32_t kFlagFormatConversion = 2;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<int> version_of(std::string_view magic, const std::string& name) {
  if (magic == kMagicV1) return 1;
  if (magic == kMagicV2) return 2;
  if (magic.starts_with(kMagicQcow2)) {
    return fail(ErrorKind::refused,
                "{}: is a qcow2 image (newer Virtuozzo), not ploop: use qemu-nbd -r -f qcow2",
                name);
  }
  // The message must not show bytes of the file, which may be any file of the host.
  return fail(ErrorKind::damaged, "{}: not a ploop image: it has no ploop signature", name);
}

Result<void> check_limits(const PloopHeader& header, uint64_t file_size, const std::string& name) {
  if (header.cluster_sectors == 0 || header.cluster_sectors > kMaxClusterSectors) {
    return fail(ErrorKind::damaged, "{}: m_Sectors (cluster size) is {}: must be 1..{} sectors",
                name, header.cluster_sectors, kMaxClusterSectors);
  }
  if (header.disk_sectors > kMaxDiskSize / kSectorSize) {
    return fail(ErrorKind::damaged,
                "{}: m_SizeInSectors is {}: larger than any real disk (256 TiB)", name,
                header.disk_sectors);
  }
  if (header.disk_sectors / header.cluster_sectors >= kMaxClusters) {
    return fail(ErrorKind::damaged, "{}: a disk of {} sectors has more than {} clusters of {}",
                name, header.disk_sectors, kMaxClusters, header.cluster_sectors);
  }
  if (header.bat_end() > file_size) {
    return fail(
        ErrorKind::damaged,
        "{}: m_Size says {} table entries, which end at byte {}, but the file has {} bytes: "
        "truncated or damaged",
        name, header.bat_entries, header.bat_end(), file_size);
  }
  return {};
}

}  // namespace

bool has_ploop_magic(std::span<const std::byte> bytes) {
  if (bytes.size() < kMagicSize) return false;
  const auto magic = as_text(bytes.first(kMagicSize));
  return magic == kMagicV1 || magic == kMagicV2;
}

Result<PloopHeader> parse_ploop_header(std::span<const std::byte> bytes, uint64_t file_size,
                                       const std::string& name) {
  if (file_size == 0) return fail(ErrorKind::damaged, "{}: the file is empty", name);
  if (bytes.size() >= kMagicSize) {
    PLOOPU_CHECK(version_of(as_text(bytes.first(kMagicSize)), name));
  }
  if (bytes.size() < kPloopHeaderSize) {
    return fail(ErrorKind::damaged, "{}: truncated: {} bytes, a ploop header alone has {}", name,
                bytes.size(), kPloopHeaderSize);
  }
  PloopHeader header;
  header.version = *version_of(as_text(bytes.first(kMagicSize)), name);
  if (uint32_t type = load_le32(bytes, 16); type != kTypePloop) {
    return fail(ErrorKind::damaged, "{}: m_Type is {}: only type {} is known", name, type,
                kTypePloop);
  }
  header.cluster_sectors = load_le32(bytes, 28);
  header.bat_entries = load_le32(bytes, 32);
  // Version 1 has 32 bits of size, and the upper half may be any value (QEMU masks it too).
  header.disk_sectors = header.version == 1 ? load_le32(bytes, 36) : load_le64(bytes, 36);
  header.disk_in_use = load_le32(bytes, 44);
  header.data_sector = load_le32(bytes, 48);
  header.flags = load_le32(bytes, 52);
  header.extension_sector = load_le64(bytes, 56);
  PLOOPU_CHECK(check_limits(header, file_size, name));
  if ((header.flags & kFlagFormatConversion) != 0) {
    return fail(ErrorKind::damaged,
                "{}: m_Flags marks an interrupted format conversion: the table may mix both "
                "formats; the old table is in {}.idx",
                name, name);
  }
  return header;
}

}  // namespace ploopu
