// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/format/delta.hpp"

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <endian.h>

namespace ploopu {
namespace {

constexpr size_t kEntriesPerRead = size_t{64} << 10;

tl::unexpected<Error> read_failed(const std::string& name, std::string_view what, int error) {
  return fail_errno(error, fmt::format("{}: reading {}", name, what));
}

// The loop has no early exit, so that the compiler vectorises it.
bool any_of_entries(std::span<const uint32_t> entries) {
  uint32_t all = 0;
  for (const uint32_t entry : entries) all |= entry;
  return all != 0;
}

}  // namespace

Result<void> Delta::check_raw() {
  header_.cluster_sectors = source_.cluster_sectors;
  disk_size_ = file().size();
  if (disk_size_ > kMaxDiskSize || disk_clusters() > kMaxClusters) {
    return fail(ErrorKind::damaged, "{}: {} bytes are larger than any real disk", name(),
                disk_size_);
  }
  return {};
}

Result<void> Delta::check_header() {
  const auto start =
      std::span(header_bytes_).first(std::min<uint64_t>(header_bytes_.size(), file().size()));
  PLOOPU_TRY(header_, parse_ploop_header(start, file().size(), name()));
  disk_size_ = header_.disk_size();
  return {};
}

Result<Delta> Delta::open(DeltaFile source) {
  Delta delta;
  delta.source_ = std::move(source);
  const ImageFile& file = *delta.source_.file;
  if (delta.is_raw()) {
    PLOOPU_CHECK(delta.check_raw());
    return delta;
  }
  auto& bytes = delta.header_bytes_;
  const auto start = std::span(bytes).first(std::min<uint64_t>(bytes.size(), file.size()));
  if (int error = file.read(0, start); error != 0) {
    return read_failed(delta.name(), "the header", error);
  }
  PLOOPU_CHECK(delta.check_header());
  return delta;
}

DeltaParts Delta::parts() const {
  DeltaParts parts{source_.name, source_.format, source_.cluster_sectors, ""};
  if (!is_raw()) {
    parts.header.resize(header_bytes_.size());
    std::ranges::copy(std::as_bytes(std::span(header_bytes_)),
                      std::as_writable_bytes(std::span(parts.header)).begin());
  }
  return parts;
}

Result<Delta> Delta::from_parts(std::shared_ptr<const ImageFile> file, const DeltaParts& parts) {
  Delta delta;
  delta.source_ = {std::move(file), parts.format, parts.name, parts.cluster_sectors};
  if (delta.is_raw()) {
    PLOOPU_CHECK(delta.check_raw());
    return delta;
  }
  const auto header = std::as_bytes(std::span(parts.header));
  std::ranges::copy(header.first(std::min(header.size(), delta.header_bytes_.size())),
                    delta.header_bytes_.begin());
  PLOOPU_CHECK(delta.check_header());
  return delta;
}

Result<void> Delta::check_unchanged() const {
  if (is_raw()) return {};
  std::array<std::byte, kPloopHeaderSize> now{};
  if (int error = file().read(0, now); error != 0) return read_failed(name(), "the header", error);
  if (now == header_bytes_) return {};
  return fail(ErrorKind::busy, "{}: its header changed while it was read: try again", name());
}

uint64_t Delta::disk_clusters() const { return (disk_size_ + cluster_size() - 1) / cluster_size(); }

uint64_t Delta::entries() const { return std::min<uint64_t>(header_.bat_entries, disk_clusters()); }

Result<void> Delta::for_each_piece(const VisitPiece& visit) const {
  const uint64_t count = entries();
  std::vector<uint32_t> buffer(std::min<uint64_t>(count, kEntriesPerRead));
  for (uint64_t first = 0; first < count;) {
    // A sparse file of a few bytes may claim a table of gigabytes: holes are skipped.
    const uint64_t data = file().next_data(kPloopHeaderSize + first * 4);
    first = (data - kPloopHeaderSize) / 4 / kPieceEntries * kPieceEntries;
    if (first >= count) break;
    const auto table = std::span(buffer).first(std::min<uint64_t>(buffer.size(), count - first));
    const auto bytes = std::as_writable_bytes(table);
    if (int error = file().read(kPloopHeaderSize + first * 4, bytes); error != 0) {
      return read_failed(name(), "the block allocation table", error);
    }
    for (uint32_t& entry : table) entry = le32toh(entry);
    for (size_t i = 0; i < table.size(); i += kPieceEntries) {
      const auto piece = table.subspan(i, std::min<size_t>(kPieceEntries, table.size() - i));
      if (any_of_entries(piece)) visit(first + i, piece);
    }
    first += table.size();
  }
  return {};
}

}  // namespace ploopu
