// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the port Attachments (core/attach/attachments.hpp), which documents the methods, for
// this host.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/attach/attachments.hpp"
#include "platform/attach/attachment_registry.hpp"
#include "platform/block/device_users.hpp"
#include "platform/block/mounts.hpp"
#include "platform/serve/backend.hpp"
#include "platform/serve/runtime_dir.hpp"

namespace ploopu {

class HostAttachments final : public Attachments {
 public:
  [[nodiscard]] Result<AttachmentLock> lock() override;
  [[nodiscard]] bool is_privileged() const override;
  [[nodiscard]] Result<AttachOutcome> attach(const Image& image, const DiskLayout& layout,
                                             const AttachRequest& request) override;
  [[nodiscard]] Result<AttachPlan> plan(const Image& image, const DiskLayout& layout,
                                        const AttachRequest& request) override;
  [[nodiscard]] Result<void> reload(const Attachment& attachment, const Image& image) override;
  [[nodiscard]] Result<std::unique_ptr<OverlayView>> view_overlay(const Image& image,
                                                                  const std::string& file) override;
  [[nodiscard]] Result<std::vector<Attachment>> list() override;
  void look_at_images(std::vector<Attachment>& attachments) override;
  [[nodiscard]] Result<std::unique_ptr<MountPoint>> hold_mountpoint(const std::string& directory,
                                                                    bool allows_any_owner) override;
  [[nodiscard]] Result<void> check_mountpoint(const MountPoint& mountpoint) override;
  [[nodiscard]] Result<MountOutcome> mount(const Attachment& attachment,
                                           const MountPoint& mountpoint,
                                           const MountRequest& request) override;
  [[nodiscard]] Result<DetachOutcome> detach(const Attachment& attachment,
                                             const DetachRequest& request) override;

 private:
  // Makes all I/O on the device fail, and unmounts `mounts`, ploopu's own, even if they are in use.
  [[nodiscard]] static Result<void> cut_off(const Backend& backend, const Record& record,
                                            const std::vector<MountEntry>& mounts);
  // Releases the device, waits for the end of its servers, and removes the record. `query` finds
  // the users that the error names.
  [[nodiscard]] Result<void> free_device(const Backend& backend, const Record& record,
                                         const DeviceUserQuery& query);

  AttachmentRegistry registry_;
};

}  // namespace ploopu
