// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/attach/attachments.hpp"
#include "core/attach/backend_rules.hpp"
#include "core/volume/partitions.hpp"

namespace ploopu::testing {

class FakeMountPoint final : public MountPoint {
 public:
  explicit FakeMountPoint(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] const std::string& path() const override { return path_; }

 private:
  std::string path_;
};

// Records all calls, and fails in the calls that a test selects.
class FakeAttachments final : public Attachments {
 public:
  std::vector<Attachment> attached;
  std::vector<std::string> calls;
  std::map<std::string, Error> errors;       // by the name of the call, such as "attach"
  std::vector<MountOutcome> mount_outcomes;  // results of the next calls; then "mounted"
  bool already_attached = false;
  bool is_root = true;
  uint64_t discarded = 0;
  std::optional<bool> image_changed = false;
  std::map<std::string, std::string> unusable;  // reason by back end, for plan()
  std::map<std::string, std::string> lies_in;   // device -> the one to detach first
  MountRequest last_mount;
  std::string last_directory;  // mount point of the last mount
  bool last_allows_any_owner = false;
  AttachRequest last_attach;

  Result<AttachmentLock> lock() override {
    if (!held_.expired()) return AttachmentLock(held_);
    auto lock = std::make_shared<const int>(0);
    held_ = lock;
    return AttachmentLock(std::move(lock));
  }

  Result<AttachPlan> plan(const Image& /*image*/, const DiskLayout& layout,
                          const AttachRequest& request) override {
    PLOOPU_CHECK(called("plan"));
    if (!attached.empty()) return AttachPlan{attached.front(), attached.front().backend, {}};
    PLOOPU_TRY(const auto candidates, candidate_backends(request));
    PassedOver passed_over;
    for (const BackendRules* rules : candidates) {
      auto usable = check_backend_fits(*rules, layout, request);
      const auto reason = unusable.find(std::string(rules->name));
      if (usable && reason != unusable.end()) {
        usable = fail(ErrorKind::missing_kernel_part, "{}", reason->second);
      }
      if (usable) return AttachPlan{std::nullopt, std::string(rules->name), {}};
      passed_over.add(*rules, std::move(usable).error());
    }
    return tl::unexpected<Error>(passed_over.error(candidates.size()));
  }

  Result<void> reload(const Attachment& attachment, const Image& image) override {
    return called("reload", " " + attachment.device + " " + image.location.path);
  }

  bool is_privileged() const override { return is_root; }

  Result<AttachOutcome> attach(const Image& image, const DiskLayout& layout,
                               const AttachRequest& request) override {
    PLOOPU_CHECK(called("attach"));
    last_attach = request;
    Attachment attachment;
    attachment.id = "0123456789abcdef";
    attachment.image = image.location.path;
    attachment.ctid = image.location.ctid;
    attachment.root = request.root;
    attachment.backend = "nbd";
    attachment.device = "/dev/nbd7";
    attachment.server_pid = 4711;
    attachment.has_overlay = request.overlay.wanted;
    attachment.is_strict = request.is_strict;
    attachment.overlay_file = request.overlay.file;
    for (const auto& partition : layout.partitions) {
      attachment.partitions.push_back(
          {partition.number, partition.number == 0
                                 ? attachment.device
                                 : "/dev/nbd7p" + std::to_string(partition.number)});
    }
    return AttachOutcome{attachment, already_attached, {"took nbd"}};
  }

  Result<std::unique_ptr<OverlayView>> view_overlay(const Image& /*image*/,
                                                    const std::string& file) override {
    PLOOPU_CHECK(called("view_overlay", " " + file));
    return nullptr;
  }

  Result<std::vector<Attachment>> list() override {
    PLOOPU_CHECK(called("list"));
    return attached;
  }

  void look_at_images(std::vector<Attachment>& attachments) override {
    for (auto& attachment : attachments) {
      attachment.image_changed = image_changed;
      if (image_changed.value_or(false)) attachment.warnings = {"it changed"};
    }
  }

  Result<std::unique_ptr<MountPoint>> hold_mountpoint(const std::string& directory,
                                                      bool allows_any_owner) override {
    if (const auto error = errors.find("hold_mountpoint"); error != errors.end()) {
      return tl::unexpected<Error>(error->second);
    }
    last_allows_any_owner = allows_any_owner;
    return std::make_unique<FakeMountPoint>(directory);
  }

  Result<void> check_mountpoint(const MountPoint& mountpoint) override {
    return called("check_mountpoint", " " + mountpoint.path());
  }

  Result<MountOutcome> mount(const Attachment& /*attachment*/, const MountPoint& mountpoint,
                             const MountRequest& request) override {
    last_directory = mountpoint.path();
    PLOOPU_CHECK(called("mount"));
    last_mount = request;
    if (mount_outcomes.empty()) return MountOutcome::mounted;
    const MountOutcome outcome = mount_outcomes.front();
    mount_outcomes.erase(mount_outcomes.begin());
    return outcome;
  }

  Result<DetachOutcome> detach(const Attachment& attachment,
                               const DetachRequest& request) override {
    if (request.mountpoint && attachment.ploopu_mountpoints.size() > 1) {
      PLOOPU_CHECK(called("unmount", " " + *request.mountpoint));
      return DetachOutcome{{*request.mountpoint}, false, 0, {}};
    }
    PLOOPU_CHECK(called("detach", (request.force ? " --force " : " ") + attachment.device));
    if (const auto inner = lies_in.find(attachment.device);
        inner != lies_in.end() &&
        std::find(calls.begin(), calls.end(), "detach " + inner->second) == calls.end()) {
      return fail(ErrorKind::busy, "{}: holds {}", attachment.device, inner->second);
    }
    return DetachOutcome{attachment.ploopu_mountpoints, true, discarded, {}};
  }

 private:
  std::weak_ptr<const void> held_;

  Result<void> called(const std::string& name, const std::string& argument = "") {
    calls.push_back(name + argument);
    if (const auto error = errors.find(name); error != errors.end()) {
      return tl::unexpected<Error>(error->second);
    }
    return {};
  }
};

class FakeProber final : public Prober {
 public:
  DiskLayout layout;
  Result<DiskLayout> probe(const DiskView& /*disk*/) const override { return layout; }
};

}  // namespace ploopu::testing
