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

// Without a way out of the loop it is vectorised.
bool any_of_entries(std::span<const uint32_t> entries) {
  uint32_t all = 0;
  for (const uint32_t entry : entries) all |= entry;
  return all != 0;
}

}  // namespace

Result<Delta> Delta::open(DeltaFile source) {
  Delta delta;
  delta.source_ = std::move(source);
  const ImageFile& file = *delta.source_.file;
  if (delta.is_raw()) {
    delta.header_.cluster_sectors = delta.source_.cluster_sectors;
    delta.disk_size_ = file.size();
    if (delta.disk_size_ > kMaxDiskSize || delta.disk_clusters() > kMaxClusters) {
      return fail(ErrorKind::damaged, "{}: {} bytes are larger than any real disk", delta.name(),
                  delta.disk_size_);
    }
    return delta;
  }
  auto& bytes = delta.header_bytes_;
  const auto start = std::span(bytes).first(std::min<uint64_t>(bytes.size(), file.size()));
  if (int error = file.read(0, start); error != 0) {
    return read_failed(delta.name(), "the header", error);
  }
  PLOOPU_TRY(delta.header_, parse_ploop_header(start, file.size(), delta.name()));
  delta.disk_size_ = delta.header_.disk_size();
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
    // A sparse file of a few bytes may claim a table of gigabytes: only what is there is read.
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
