// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/device_view.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

#include "platform/block/block_device.hpp"
#include "platform/files/posix_image_file.hpp"

namespace ploopu {

Result<DeviceView> DeviceView::open(const std::string& node) {
  UniqueFd fd(::open(node.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, node);
  ImageFileFacts facts;
  facts.size = device_size(node);
  return DeviceView(node, std::make_unique<PosixImageFile>(std::move(fd), facts));
}

Extent DeviceView::extent_at(uint64_t offset, uint64_t max_length) const {
  return {std::min(max_length, size() - offset), ExtentKind::data, 0, offset};
}

}  // namespace ploopu
