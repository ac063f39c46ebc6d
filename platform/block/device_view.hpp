// SPDX-License-Identifier: GPL-2.0-or-later
// Reads a block device as a DiskView, to check what the kernel reads from it before a mount:
//
//     PLOOPU_TRY(const auto device, DeviceView::open("/dev/nbd0p1"));
//     PLOOPU_CHECK(check_ext(device, 0, device.size()));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/disk_view.hpp"

namespace ploopu {

class DeviceView final : public DiskView {
 public:
  // Opens the device for reading. The result owns the descriptor.
  [[nodiscard]] static Result<DeviceView> open(const std::string& node);

  [[nodiscard]] uint64_t size() const override { return file_->size(); }
  [[nodiscard]] Extent extent_at(uint64_t offset, uint64_t max_length) const override;
  [[nodiscard]] const std::vector<const ImageFile*>& files() const override { return files_; }
  [[nodiscard]] const std::string& name() const override { return node_; }

 private:
  DeviceView(std::string node, std::unique_ptr<ImageFile> file)
      : node_(std::move(node)), file_(std::move(file)), files_{file_.get()} {}

  std::string node_;
  std::unique_ptr<ImageFile> file_;
  std::vector<const ImageFile*> files_;
};

}  // namespace ploopu
