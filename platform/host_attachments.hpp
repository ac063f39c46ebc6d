// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/attachments.hpp"
#include "platform/backend.hpp"
#include "platform/runtime_dir.hpp"

namespace ploopu {

// What is attached to this host. The runtime directory says what was meant, the kernel what is.
class HostAttachments final : public Attachments {
 public:
  [[nodiscard]] Result<AttachOutcome> attach(const Image& image, const DiskLayout& layout,
                                             const AttachRequest& request) override;
  [[nodiscard]] Result<std::vector<Attachment>> list() override;
  [[nodiscard]] Result<void> check_mountpoint(const std::string& directory) override;
  [[nodiscard]] Result<MountOutcome> mount(const Attachment& attachment,
                                           const MountRequest& request) override;
  [[nodiscard]] Result<void> detach(const Attachment& attachment) override;
  [[nodiscard]] Result<void> unmount(const Attachment& attachment,
                                     const std::string& mountpoint) override;

 private:
  [[nodiscard]] Result<void> open();
  [[nodiscard]] Result<Record> find_record(const std::string& id) const;
  [[nodiscard]] const Backend* backend_named(const std::string& name) const;
  [[nodiscard]] Result<const Backend*> choose_backend(const AttachRequest& request,
                                                      std::vector<std::string>& notes) const;
  [[nodiscard]] Result<Record> start(const Backend& backend, const Image& image,
                                     const DiskLayout& layout, const AttachRequest& request);
  [[nodiscard]] std::optional<Attachment> inspect(const Record& record) const;
  [[nodiscard]] Result<void> unmount_own(Record& record, const std::vector<std::string>& which);
  [[nodiscard]] Result<void> free_device(const Record& record, const std::string& device);
  void sweep();

  std::optional<RuntimeDir> runtime_;
  std::vector<std::unique_ptr<Backend>> backends_;  // in the order in which "auto" tries them
};

}  // namespace ploopu
