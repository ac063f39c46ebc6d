// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/disk_view.hpp"

#include <cerrno>
#include <cstring>

namespace ploopu {
namespace {

// Calls visit(extent) for each extent of the range, in order, until one call returns an errno
// value.
template <class Visit>
int for_each_extent(const DiskView& view, uint64_t offset, uint64_t length, Visit visit) {
  if (offset > view.size() || length > view.size() - offset) return EINVAL;
  while (length > 0) {
    const Extent extent = view.extent_at(offset, length);
    if (const int error = visit(extent); error != 0) return error;
    offset += extent.length;
    length -= extent.length;
  }
  return 0;
}

}  // namespace

std::vector<int> DiskView::file_descriptors() const {
  std::vector<int> all;
  for (const ImageFile* file : files()) all.push_back(file->descriptor());
  return all;
}

int DiskView::read(uint64_t offset, std::span<std::byte> out) const {
  return for_each_extent(*this, offset, out.size(), [&](const Extent& extent) {
    const auto piece = out.first(extent.length);
    out = out.subspan(extent.length);
    if (extent.kind == ExtentKind::unreadable) return EIO;
    if (extent.kind == ExtentKind::data)
      return files()[extent.file]->read(extent.file_offset, piece);
    std::memset(piece.data(), 0, piece.size());
    return 0;
  });
}

int DiskView::deliver(uint64_t offset, uint64_t length, DataSink& sink) const {
  return for_each_extent(*this, offset, length, [&](const Extent& extent) {
    if (extent.kind == ExtentKind::unreadable) return EIO;
    if (extent.kind == ExtentKind::zero) return sink.add_zeros(extent.length);
    return sink.add_data(*files()[extent.file], extent.file_offset, extent.length);
  });
}

void DiskView::prefetch(uint64_t offset, uint64_t length) const {
  static_cast<void>(for_each_extent(*this, offset, length, [&](const Extent& extent) {
    if (extent.kind == ExtentKind::data) {
      files()[extent.file]->prefetch(extent.file_offset, extent.length);
    }
    return 0;
  }));
}

}  // namespace ploopu
