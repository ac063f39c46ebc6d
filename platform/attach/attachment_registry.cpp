// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/attach/attachment_registry.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <sys/stat.h>

#include "core/base/list.hpp"
#include "platform/attach/backends.hpp"
#include "platform/block/block_device.hpp"
#include "platform/block/ploopu_mounts.hpp"
#include "platform/files/image_changes.hpp"

namespace ploopu {
namespace {

void add_other_nodes(Attachment& attachment, const BlockSnapshot& now) {
  if (attachment.is_file) return;
  const auto add = [&](const std::string& node) {
    const std::string name = now.sysfs_name(node);
    if (!name.empty() && "/dev/" + name != node) attachment.other_nodes.push_back("/dev/" + name);
  };
  add(attachment.device);
  for (const auto& partition : attachment.partitions) add(partition.device);
}

bool is_named(const FileIdentity& identity, const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 &&
         FileIdentity{status.st_dev, status.st_ino} == identity;
}

// True if the overlay of the attachment, or the lack of it, fits the request.
bool fits(const Record& record, const OverlayRequest& request) {
  if (!request.file.empty()) return is_named(record.scratch, request.file);
  if (record.has_overlay && request.tolerated) return true;
  return record.has_overlay == request.wanted && record.overlay_file.empty();
}

std::string describe_overlay(const Record& record, const OverlayRequest& request) {
  if (!record.has_overlay) return ", without an overlay";
  if (!record.overlay_file.empty()) return ", with the overlay of " + record.overlay_file;
  return request.file.empty() ? ", with an overlay" : ", with another overlay";
}

// The servers of an attachment, as /proc shows them.
struct ServersNow {
  pid_t first_pid = 0;    // 0 when all have ended
  bool are_hung = false;  // a server is stopped
};

ServersNow look_at_servers(const Record& record) {
  ServersNow now;
  for (const auto& server : record.servers) {
    const ProcessState state = state_of(server);
    if (state != ProcessState::ended && now.first_pid == 0) now.first_pid = server.pid;
    now.are_hung |= state == ProcessState::stopped;
  }
  return now;
}

}  // namespace

// The runtime directory is created only when a command needs it: info must not create directories.
Result<void> AttachmentRegistry::open() {
  if (runtime_) return {};
  PLOOPU_TRY(runtime_, RuntimeDir::open());
  for (const auto& backend : host_backends()) backends_.push_back(backend.make(*runtime_));
  return {};
}

Result<std::shared_ptr<const UniqueFd>> AttachmentRegistry::lock() {
  PLOOPU_CHECK(open());
  if (auto held = lock_.lock()) return held;
  PLOOPU_TRY(auto taken, runtime_->lock());
  auto lock = std::make_shared<const UniqueFd>(std::move(taken));
  lock_ = lock;
  return lock;
}

Result<Record> AttachmentRegistry::find(const std::string& id) const {
  PLOOPU_TRY(auto records, runtime_->load_all());
  for (auto& record : records) {
    if (record.id == id) return std::move(record);
  }
  return fail(ErrorKind::not_found, "the attachment is gone already");
}

const Backend* AttachmentRegistry::backend_named(std::string_view name) const {
  for (const auto& backend : backends_) {
    if (backend->name() == name) return backend.get();
  }
  return nullptr;
}

const Backend* AttachmentRegistry::backend_of(const Record& record,
                                              const BlockSnapshot& now) const {
  if (record.is_readable) return backend_named(record.backend);
  for (const auto& backend : backends_) {
    if (!backend->find_device(record, now).empty()) return backend.get();
  }
  return nullptr;
}

Result<std::vector<Record>> AttachmentRegistry::sweep(const BlockSnapshot& now) const {
  PLOOPU_TRY(auto records, runtime_->load_all());
  std::erase_if(records, [&](const Record& record) {
    const Backend* backend = backend_of(record, now);
    if (backend == nullptr && record.is_readable) return false;  // a later ploopu made it
    const bool has_device = backend != nullptr && !backend->find_device(record, now).empty();
    // A device without a server stays: it may have readers, and list shows its user that the server
    // died.
    if (has_device && !record.is_unfinished()) return false;
    if (backend != nullptr && !backend->release(record)) return false;
    // If another process took the device away from its server, release() ends the server.
    if (!wait_for_exit(record.servers, kServerExit)) return false;
    runtime_->remove(record.id);
    return true;
  });
  return records;
}

Result<std::optional<Attachment>> AttachmentRegistry::find_existing(
    const Image& image, const AttachRequest& request) const {
  if (request.is_new) return std::nullopt;
  const ImageState wanted = state_of(image.disk);
  PLOOPU_TRY(const auto records, runtime_->load_all());
  const BlockSnapshot now;
  std::optional<Error> obstacle;
  for (const auto& record : records) {
    auto existing = inspect(record, now);
    const bool is_same = has_same_files(record.image_state, wanted);
    const bool is_same_top = has_same_top(record.image_state, wanted);
    const bool is_same_state =
        record.image == image.location.path && record.snapshot == image.snapshot;
    if (!existing || !(is_same || is_same_top || is_same_state)) continue;
    const bool fits_overlay = fits(record, request.overlay);
    const bool is_strict_enough = record.is_strict || !request.is_strict;
    if (is_same && record.is_file == request.as_file && fits_overlay && is_strict_enough &&
        existing->state == AttachmentState::serving &&
        (request.backend == "auto" || request.backend == record.backend)) {
      return existing;
    }
    std::string difference = !is_same && is_same_top ? ", without some of its deltas"
                             : !is_same              ? ", an older state of the image"
                             : !fits_overlay         ? describe_overlay(record, request.overlay)
                             : !is_strict_enough     ? ", not strictly"
                                                     : "";
    if (existing->state == AttachmentState::stale) {
      difference = record.server.pid == 0 ? ", its table was exchanged" : ", its server has died";
    }
    obstacle =
        Error{ErrorKind::busy,
              fmt::format("{}: is attached already, as {} ({}{}): detach that first",
                          image.location.path, existing->device, record.backend, difference)};
  }
  if (obstacle) return tl::unexpected<Error>(*std::move(obstacle));
  return std::nullopt;
}

std::optional<Attachment> AttachmentRegistry::inspect(const Record& record,
                                                      const BlockSnapshot& now) const {
  const Backend* backend = backend_of(record, now);
  if (backend == nullptr) return std::nullopt;
  const std::string device = backend->find_device(record, now);
  const ServersNow servers = look_at_servers(record);
  const bool alive = servers.first_pid != 0;
  if (device.empty() && !alive) return std::nullopt;
  const bool served = !device.empty() && backend->is_served(record, alive);
  Attachment attachment;
  static_cast<AttachmentFacts&>(attachment) = record;
  attachment.backend = backend->name();
  if (!device.empty()) attachment.device = device;
  attachment.server_pid = servers.first_pid;
  attachment.state = !served            ? AttachmentState::stale
                     : servers.are_hung ? AttachmentState::hung
                                        : AttachmentState::serving;
  add_other_nodes(attachment, now);
  std::vector<MountEntry> own;
  if (!record.is_file && !device.empty()) {
    const auto mounts = now.mounts_of(device);
    attachment.mountpoints = directories_of(mounts);
    own = ploopu_mounts(mounts, record.mounts);
    attachment.ploopu_mountpoints = directories_of(own);
  }
  for (const auto& noted : record.mounts) {
    const bool is_there = std::any_of(
        own.begin(), own.end(), [&](const MountEntry& mount) { return is_noted_as(mount, noted); });
    if (!is_there) attachment.former_mountpoints.push_back(noted.directory);
  }
  return attachment;
}

Result<std::vector<Attachment>> AttachmentRegistry::list() {
  if (!RuntimeDir::exists()) return std::vector<Attachment>();
  PLOOPU_CHECK(open());
  // Without the lock another command is at work, so records that it hasn't finished are left out.
  const auto held = lock_.lock();
  const UniqueFd tried = held ? UniqueFd() : runtime_->try_lock();
  const bool locked = held || tried.valid();
  const BlockSnapshot now;
  PLOOPU_TRY(const auto records, locked ? sweep(now) : runtime_->load_all());
  std::vector<Attachment> attachments;
  for (const auto& record : records) {
    if (record.is_unfinished() && !locked) continue;
    auto attachment = inspect(record, now);
    // If another command has detached it since `now`, a new look finds neither device nor server.
    if (!locked && attachment && attachment->state == AttachmentState::stale) {
      attachment = inspect(record, BlockSnapshot());
    }
    if (attachment) attachments.push_back(*std::move(attachment));
  }
  std::sort(attachments.begin(), attachments.end(),
            [](const Attachment& a, const Attachment& b) { return a.device < b.device; });
  return attachments;
}

void AttachmentRegistry::look_at_images(std::vector<Attachment>& attachments) {
  if (attachments.empty()) return;
  std::vector<AskedImage> images;
  images.reserve(attachments.size());
  for (const auto& attachment : attachments) {
    images.push_back({attachment.image_state, attachment.is_strict});
  }
  auto changes = find_changes(images);
  for (size_t i = 0; i < attachments.size(); ++i) {
    attachments[i].image_changed = changes[i].any;
    attachments[i].warnings = std::move(changes[i].lines);
  }
}

}  // namespace ploopu
