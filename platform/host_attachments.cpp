// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/host_attachments.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "platform/block_device.hpp"
#include "platform/fuse_backend.hpp"
#include "platform/holders.hpp"
#include "platform/mounts.hpp"
#include "platform/nbd_backend.hpp"
#include "platform/wait.hpp"

namespace ploopu {
namespace {

// udev and desktop programs have a look at every new device, and are done in moments.
constexpr std::chrono::seconds kBriefHolders{2};
constexpr std::chrono::seconds kServerExit{20};

bool contains(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::string join(const std::vector<Holder>& holders) {
  std::string text;
  for (const auto& holder : holders) text += (text.empty() ? "" : ", ") + holder.description;
  return text;
}

// Directories on which the device or one of its partitions is mounted.
std::vector<std::string> mountpoints_of(const std::string& device) {
  const auto numbers = device_numbers(device);
  std::vector<std::string> directories;
  for (const auto& mount : read_mount_table()) {
    if (std::find(numbers.begin(), numbers.end(), mount.device) != numbers.end()) {
      directories.push_back(mount.directory);
    }
  }
  return directories;
}

Result<void> refuse_if_used(const Record& record, const std::string& device) {
  const HolderQuery query{device, record.is_file, record.mountpoints, record.server.pid};
  std::vector<Holder> holders;
  const auto settled = [&] {
    holders = find_holders(query);
    return std::none_of(holders.begin(), holders.end(),
                        [](const Holder& holder) { return holder.may_be_brief; }) ||
           std::any_of(holders.begin(), holders.end(),
                       [](const Holder& holder) { return !holder.may_be_brief; });
  };
  static_cast<void>(wait_until(settled, kBriefHolders));
  if (holders.empty()) return {};
  return fail(ErrorKind::busy, "{}: in use: {}", device, join(holders));
}

}  // namespace

// Nothing of this is done before a command needs it: info must not make directories.
Result<void> HostAttachments::open() {
  if (runtime_) return {};
  PLOOPU_TRY(runtime_, RuntimeDir::open());
  backends_.push_back(std::make_unique<NbdBackend>(*runtime_));
  backends_.push_back(std::make_unique<FuseBackend>(*runtime_));
  return {};
}

Result<Record> HostAttachments::find_record(const std::string& id) const {
  for (auto& record : runtime_->load_all()) {
    if (record.id == id) return std::move(record);
  }
  return fail(ErrorKind::not_found, "the attachment is gone already");
}

const Backend* HostAttachments::backend_named(const std::string& name) const {
  for (const auto& backend : backends_) {
    if (backend->name() == name) return backend.get();
  }
  return nullptr;
}

// What a killed command or server left: records without a device and without a server.
void HostAttachments::sweep() {
  for (const auto& record : runtime_->load_all()) {
    if (is_alive(record.server)) continue;
    bool connected = false;
    for (const auto& backend : backends_) {
      // A record that was never finished may have a device that nobody was told of.
      if (record.device.empty()) static_cast<void>(backend->release(record, UniqueFd()));
      connected = connected || !backend->find_device(record).empty();
    }
    if (!connected) runtime_->remove(record.id);
  }
}

Result<const Backend*> HostAttachments::choose_backend(const AttachRequest& request,
                                                       std::vector<std::string>& notes) const {
  if (request.backend != "auto") {
    const Backend* backend = backend_named(request.backend);
    if (backend == nullptr) {
      return fail(ErrorKind::usage, "--backend {}: must be auto, nbd or fuse", request.backend);
    }
    if (request.as_file && !backend->serves_files()) {
      return fail(ErrorKind::usage, "--no-loop: {} makes block devices only, use --backend fuse",
                  backend->name());
    }
    if (auto ready = backend->prepare(request.as_file); !ready) {
      auto error = std::move(ready).error();
      error.message = fmt::format("{}: {}", backend->name(), error.message);
      return tl::unexpected<Error>(std::move(error));
    }
    return backend;
  }
  std::string reasons;
  ErrorKind kind = ErrorKind::missing_kernel_part;
  for (const auto& backend : backends_) {
    if (request.as_file && !backend->serves_files()) continue;
    auto ready = backend->prepare(request.as_file);
    if (ready) {
      if (!reasons.empty()) notes.push_back(reasons + ": using " + backend->name() + " instead");
      return backend.get();
    }
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", backend->name(),
                           ready.error().message);
    kind = ready.error().kind;
  }
  return fail(kind, "no back end can be used: {}", reasons);
}

// Writes down what is meant before anything is made, and only at the end tells the server to stay:
// a command that is killed anywhere in between leaves nothing that isn't taken down again.
Result<Record> HostAttachments::start(const Backend& backend, const Image& image,
                                      const DiskLayout& layout, const AttachRequest& request) {
  Record record;
  record.id = random_id();
  record.image = image.location.path;
  record.top = image.disk.deltas().back().file().identity();
  record.ctid = image.location.ctid;
  record.root = request.root;
  record.backend = backend.name();
  record.is_file = request.as_file;
  record.size = image.disk.size();
  PLOOPU_CHECK(runtime_->save(record));
  const auto started = [&]() -> Result<void> {
    PLOOPU_TRY(auto server, backend.serve(image.disk, record));
    record.server = server.identity();
    if (!record.is_file) {
      PLOOPU_TRY(record.partitions, provide_partition_nodes(record.device, layout));
    }
    PLOOPU_CHECK(runtime_->save(record));
    return server.keep();
  }();
  if (started) return record;
  static_cast<void>(backend.release(record, UniqueFd()));
  runtime_->remove(record.id);
  return tl::unexpected<Error>(started.error());
}

Result<AttachOutcome> HostAttachments::attach(const Image& image, const DiskLayout& layout,
                                              const AttachRequest& request) {
  if (image.disk.size() == 0) {
    return fail(ErrorKind::damaged, "{}: the disk is empty (0 sectors): there is nothing to attach",
                image.location.path);
  }
  if (!request.as_file && ::geteuid() != 0) {
    return fail(ErrorKind::not_permitted,
                "only root can make a block device; 'attach --backend fuse --no-loop' gives a file "
                "with the disk's content");
  }
  PLOOPU_CHECK(open());
  PLOOPU_TRY(const auto lock, runtime_->lock());
  sweep();
  const FileIdentity top = image.disk.deltas().back().file().identity();
  for (const auto& record : runtime_->load_all()) {
    auto existing = inspect(record);
    if (!existing || (record.top != top && record.image != image.location.path)) continue;
    if (record.top == top && record.is_file == request.as_file &&
        existing->state == AttachmentState::serving &&
        (request.backend == "auto" || request.backend == record.backend)) {
      return AttachOutcome{*std::move(existing), true, {}};
    }
    return fail(ErrorKind::busy, "{}: is attached already, as {} ({}{}): detach that first",
                image.location.path, existing->device, record.backend,
                record.top == top ? "" : ", an older state of the image");
  }
  AttachOutcome outcome;
  PLOOPU_TRY(const Backend* backend, choose_backend(request, outcome.notes));
  PLOOPU_TRY(const auto record, start(*backend, image, layout, request));
  auto made = inspect(record);
  if (!made) return fail(ErrorKind::failed, "{}: vanished again at once", record.device);
  outcome.attachment = *std::move(made);
  return outcome;
}

// The attachment as the kernel shows it now; nothing when there is no device any more.
std::optional<Attachment> HostAttachments::inspect(const Record& record) const {
  const Backend* backend = backend_named(record.backend);
  if (backend == nullptr) return std::nullopt;
  const std::string device = backend->find_device(record);
  const bool alive = is_alive(record.server);
  if (device.empty() && !alive) return std::nullopt;
  Attachment attachment;
  attachment.id = record.id;
  attachment.image = record.image;
  attachment.ctid = record.ctid;
  attachment.root = record.root;
  attachment.backend = record.backend;
  attachment.device = device.empty() ? record.device : device;
  attachment.is_file = record.is_file;
  attachment.size = record.size;
  attachment.partitions = record.partitions;
  attachment.server_pid = alive ? record.server.pid : 0;
  attachment.state = alive && !device.empty() ? AttachmentState::serving : AttachmentState::stale;
  if (!record.is_file && !device.empty()) attachment.mountpoints = mountpoints_of(device);
  for (const auto& mountpoint : attachment.mountpoints) {
    if (contains(record.mountpoints, mountpoint)) {
      attachment.ploopu_mountpoints.push_back(mountpoint);
    }
  }
  return attachment;
}

Result<std::vector<Attachment>> HostAttachments::list() {
  PLOOPU_CHECK(open());
  // While another command is at work, what it has not finished is not shown.
  const UniqueFd lock = runtime_->try_lock();
  if (lock.valid()) sweep();
  std::vector<Attachment> attachments;
  for (const auto& record : runtime_->load_all()) {
    if (record.device.empty()) continue;
    if (auto attachment = inspect(record)) attachments.push_back(*std::move(attachment));
  }
  std::sort(attachments.begin(), attachments.end(),
            [](const Attachment& a, const Attachment& b) { return a.device < b.device; });
  return attachments;
}

Result<void> HostAttachments::check_mountpoint(const std::string& directory) {
  struct stat status = {};
  if (::stat(directory.c_str(), &status) != 0) {
    return fail_errno(errno, fmt::format("{}: mount point", directory));
  }
  if (!S_ISDIR(status.st_mode)) {
    return fail(ErrorKind::not_found, "{}: the mount point must be a directory", directory);
  }
  for (const auto& mount : read_mount_table()) {
    if (mount.directory == directory) {
      return fail(ErrorKind::busy, "{}: something ({}) is mounted there already", directory,
                  mount.source);
    }
  }
  return {};
}

Result<MountOutcome> HostAttachments::mount(const Attachment& attachment,
                                            const MountRequest& request) {
  PLOOPU_CHECK(open());
  PLOOPU_TRY(const auto lock, runtime_->lock());
  PLOOPU_TRY(auto record, find_record(attachment.id));
  // Written down first: a mount that nobody remembers would make detach refuse.
  record.mountpoints.push_back(request.directory);
  PLOOPU_CHECK(runtime_->save(record));
  auto outcome = mount_device(request);
  if (!outcome || *outcome != MountOutcome::mounted) {
    record.mountpoints.pop_back();
    PLOOPU_CHECK(runtime_->save(record));
  }
  return outcome;
}

Result<void> HostAttachments::unmount_own(Record& record, const std::vector<std::string>& which) {
  for (const auto& mountpoint : which) {
    if (const auto users = find_mount_users(mountpoint); !users.empty()) {
      return fail(ErrorKind::busy, "{}: in use: {}", mountpoint, join(users));
    }
  }
  for (const auto& mountpoint : which) {
    PLOOPU_CHECK(unmount_directory(mountpoint));
    std::erase(record.mountpoints, mountpoint);
    PLOOPU_CHECK(runtime_->save(record));
  }
  return {};
}

Result<void> HostAttachments::free_device(const Record& record, const std::string& device) {
  const Backend* backend = backend_named(record.backend);
  if (device.empty()) PLOOPU_CHECK(backend->release(record, UniqueFd()));
  if (!device.empty()) {
    UniqueFd claim;
    if (!record.is_file) {
      auto claimed = claim_disk(device);
      if (!claimed && claimed.error().kind == ErrorKind::busy) {
        PLOOPU_CHECK(refuse_if_used(record, device));
      }
      if (!claimed) return tl::unexpected<Error>(std::move(claimed).error());
      claim = *std::move(claimed);
    }
    PLOOPU_CHECK(backend->release(record, std::move(claim)));
  }
  if (!wait_for_exit(record.server, kServerExit)) {
    return fail(ErrorKind::failed, "{}: is free, but its server (pid {}) does not end", device,
                record.server.pid);
  }
  runtime_->remove(record.id);
  return {};
}

Result<void> HostAttachments::detach(const Attachment& attachment) {
  PLOOPU_CHECK(open());
  PLOOPU_TRY(const auto lock, runtime_->lock());
  PLOOPU_TRY(auto record, find_record(attachment.id));
  const std::string device = backend_named(record.backend)->find_device(record);
  if (!device.empty()) {
    PLOOPU_CHECK(refuse_if_used(record, device));
    const auto now = inspect(record);
    if (now) PLOOPU_CHECK(unmount_own(record, now->ploopu_mountpoints));
  }
  return free_device(record, device);
}

Result<void> HostAttachments::unmount(const Attachment& attachment, const std::string& mountpoint) {
  PLOOPU_CHECK(open());
  PLOOPU_TRY(const auto lock, runtime_->lock());
  PLOOPU_TRY(auto record, find_record(attachment.id));
  return unmount_own(record, {mountpoint});
}

}  // namespace ploopu
