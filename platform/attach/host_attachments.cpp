// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/attach/host_attachments.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/list.hpp"
#include "core/volume/ext_superblock.hpp"
#include "core/volume/mount_options.hpp"
#include "platform/attach/host_overlay.hpp"
#include "platform/attach/make_device.hpp"
#include "platform/block/block_device.hpp"
#include "platform/block/device_users.hpp"
#include "platform/block/device_view.hpp"
#include "platform/block/held_directory.hpp"
#include "platform/block/mount_device.hpp"
#include "platform/block/ploopu_mounts.hpp"
#include "platform/os/interruption.hpp"
#include "platform/os/shared_memory.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

constexpr std::chrono::seconds kSaving{600};

Result<void> check_request(const Image& image, const AttachRequest& request) {
  if (image.disk.size() == 0) {
    return fail(ErrorKind::damaged, "{}: the disk is empty (0 sectors): there is nothing to attach",
                image.location.path);
  }
  if (!request.as_file && ::geteuid() != 0) {
    return fail(
        ErrorKind::not_permitted,
        "only root can create a block device; 'ploopu attach --backend fuse --no-loop' gives "
        "a file with the contents of the disk");
  }
  return {};
}

}  // namespace

Result<AttachmentLock> HostAttachments::lock() {
  PLOOPU_TRY(auto lock, registry_.lock());
  return AttachmentLock(std::move(lock));
}

bool HostAttachments::is_privileged() const { return ::geteuid() == 0; }

Result<AttachOutcome> HostAttachments::attach(const Image& image, const DiskLayout& layout,
                                              const AttachRequest& request) {
  PLOOPU_CHECK(check_request(image, request));
  PLOOPU_TRY(const auto lock, registry_.lock());
  PLOOPU_CHECK(registry_.sweep(BlockSnapshot()));
  PLOOPU_TRY(auto existing, registry_.find_existing(image, request));
  AttachOutcome outcome;
  if (existing) {
    PLOOPU_TRY(auto record, registry_.find(existing->id));
    if (request.overlay.wanted && !request.overlay.for_mount && !record.is_users_overlay) {
      record.is_users_overlay = true;
      PLOOPU_CHECK(registry_.runtime().save(record));
    }
    // A detach that was killed may have removed the partitions.
    if (!existing->is_file) {
      PLOOPU_TRY(existing->partitions, registry_.backend_of(record, BlockSnapshot())
                                           ->provide_partitions(record, layout, outcome.notes));
    }
    outcome.attachment = *std::move(existing);
    outcome.already_attached = true;
    const auto changes = compare(record.image_state, state_of(image.disk), record.is_strict);
    append(outcome.notes, changes.lines);
    return outcome;
  }
  hold_interruptions();
  PLOOPU_TRY(const auto record, make_device(registry_, image, layout, request, outcome.notes));
  auto made = registry_.inspect(record, BlockSnapshot());
  if (!made) return fail(ErrorKind::failed, "{}: vanished again at once", record.device);
  outcome.attachment = *std::move(made);
  return outcome;
}

Result<AttachPlan> HostAttachments::plan(const Image& image, const DiskLayout& layout,
                                         const AttachRequest& request) {
  PLOOPU_CHECK(check_request(image, request));
  // The check whether an overlay file is free locks the file for a moment, which must not disturb
  // another command.
  PLOOPU_TRY(const auto lock, registry_.lock());
  AttachPlan plan;
  PLOOPU_TRY(plan.existing, registry_.find_existing(image, request));
  if (plan.existing) {
    plan.backend = plan.existing->backend;
  } else {
    PLOOPU_TRY(plan.backend, plan_device(image, layout, request, plan.notes));
  }
  return plan;
}

Result<void> HostAttachments::reload(const Attachment& attachment, const Image& image) {
  PLOOPU_TRY(const auto lock, registry_.lock());
  hold_interruptions();
  PLOOPU_TRY(auto record, registry_.find(attachment.id));
  const BlockSnapshot now;
  const Backend* backend = registry_.backend_of(record, now);
  if (backend == nullptr || backend->find_device(record, now).empty()) {
    return fail(ErrorKind::not_found, "the attachment is gone already");
  }
  if (record.has_overlay) {
    return fail(ErrorKind::refused,
                "{}: only its server can write to its overlay: detach and attach it "
                "again",
                record.device);
  }
  if (!has_same_files(record.image_state, state_of(image.disk))) {
    return fail(ErrorKind::refused, "{}: {} consists of other files now than when it was attached",
                record.device, record.image);
  }
  // Readers have parts of the old state in their caches.
  if (const auto changes = compare(record.image_state, state_of(image.disk), record.is_strict);
      changes.any.value_or(false)) {
    return fail(ErrorKind::refused, "{}: {}: detach it and attach the new state", record.device,
                changes.lines.front());
  }
  PLOOPU_TRY(const auto memory, SharedMemory::create(sizeof(ServiceState)));
  const ServedDisk disk(image.disk, nullptr, &make_service_state(memory, record.is_strict));
  PLOOPU_TRY(auto server, backend->take_over(disk, record, lock->get()));
  record.server = server.identity();
  record.servers = {record.server};
  // The new server serves already: a record with an old server ID does less harm than a server that
  // ends. So the error waits until after keep().
  auto saved = registry_.runtime().save(record);
  PLOOPU_CHECK(server.keep());
  return saved;
}

Result<std::unique_ptr<OverlayView>> HostAttachments::view_overlay(const Image& image,
                                                                   const std::string& file) {
  return HostOverlay::view(image, file);
}

Result<std::vector<Attachment>> HostAttachments::list() { return registry_.list(); }

void HostAttachments::look_at_images(std::vector<Attachment>& attachments) {
  AttachmentRegistry::look_at_images(attachments);
}

Result<std::unique_ptr<MountPoint>> HostAttachments::hold_mountpoint(const std::string& directory,
                                                                     bool allows_any_owner) {
  PLOOPU_TRY(auto held,
             hold_directory(directory, trusted_users(), allows_any_owner || !is_privileged()));
  return std::make_unique<HeldDirectory>(std::move(held));
}

Result<void> HostAttachments::check_mountpoint(const MountPoint& mountpoint) {
  const std::string& directory = mountpoint.path();
  if (directory == "/")
    return fail(ErrorKind::busy, "/: the mount would hide all files: choose another directory");
  PLOOPU_TRY(const auto mounts, read_mount_table());
  for (const auto& mount : mounts) {
    if (mount.directory == directory) {
      return fail(ErrorKind::busy, "{}: {} is already mounted there", directory, mount.source);
    }
  }
  return {};
}

Result<MountOutcome> HostAttachments::mount(const Attachment& attachment,
                                            const MountPoint& mountpoint,
                                            const MountRequest& request) {
  const auto& directory = dynamic_cast<const HeldDirectory&>(mountpoint);
  // If the device was attached earlier, its bytes may differ from those of the files that this
  // command has checked.
  if (is_ext(request.fstype)) {
    PLOOPU_TRY(const auto device, DeviceView::open(request.device));
    PLOOPU_CHECK(check_ext(device, 0, device.size()));
  }
  PLOOPU_TRY(const auto lock, registry_.lock());
  hold_interruptions();
  PLOOPU_TRY(auto record, registry_.find(attachment.id));
  // The record has the mount before it exists: a mount without record makes detach refuse.
  const auto mounts_before = record.mounts;
  auto known =
      std::find_if(record.mounts.begin(), record.mounts.end(),
                   [&](const NotedMount& mount) { return mount.directory == directory.path(); });
  if (known == record.mounts.end()) {
    known = record.mounts.insert(known, {directory.path(), 0});
  }
  PLOOPU_CHECK(registry_.runtime().save(record));
  auto done = mount_device(request, directory);
  bool is_mounted = done && done->outcome == MountOutcome::mounted;
  if (auto going_on = check_not_interrupted(); is_mounted && !going_on) {
    PLOOPU_CHECK(unmount(done->id));
    is_mounted = false;
    done = tl::unexpected<Error>(std::move(going_on).error());
  }
  if (is_mounted) {
    known->id = done->id;
    record.is_users_overlay |= request.is_writable;
    // An error is ignored: without its ID the mount is found by its directory, and is_users_overlay
    // decides only what detach prints.
    static_cast<void>(registry_.runtime().save(record));
  } else {
    record.mounts = mounts_before;
    PLOOPU_CHECK(registry_.runtime().save(record));
  }
  if (!done) return tl::unexpected<Error>(std::move(done).error());
  return done->outcome;
}

// A lazy unmount (MNT_DETACH) does no further harm here: users of the mounts get errors already.
Result<void> HostAttachments::cut_off(const Backend& backend, const Record& record,
                                      const std::vector<MountEntry>& mounts) {
  constexpr std::chrono::seconds kLimit{5};
  PLOOPU_CHECK(backend.cut_off(record));
  for (const auto& mount : mounts) {
    PLOOPU_CHECK(unmount(mount, MNT_DETACH));
  }
  // Users that get errors close the device soon.
  const auto is_unused = [&] {
    const std::string device = backend.find_device(record, BlockSnapshot());
    return device.empty() || (!backend.frees_cut_off() && (record.is_file || claim_disk(device)));
  };
  static_cast<void>(wait_until(is_unused, kLimit));
  return {};
}

Result<void> HostAttachments::free_device(const Backend& backend, const Record& record,
                                          const DeviceUserQuery& query) {
  auto released = backend.release(record);
  if (!released) {
    // If a user came after the first check, this check can name it.
    const bool is_busy = released.error().kind == ErrorKind::busy && !query.device.empty();
    if (is_busy) PLOOPU_CHECK(check_unused(query));
    return released;
  }
  // A server whose device was found and freed has nothing to serve: if it doesn't end, it is
  // killed. A device that wasn't found may still be in use, in another mount namespace, so its
  // server is only waited for. The servers are looked up again, as the supervisor may have replaced
  // them; a server that saves an overlay file gets ten minutes.
  const auto now = registry_.find(record.id);
  const auto& servers = now ? now->servers : record.servers;
  const auto limit = record.overlay_file.empty() ? kServerExit : kSaving;
  const bool ended =
      query.device.empty() ? wait_for_exit(servers, limit) : end_processes(servers, limit);
  if (!ended) {
    return fail(
        ErrorKind::failed,
        "{}: does not exist (any more, or in this mount namespace), but its server (pid {}) "
        "is running",
        record.device, record.server.pid);
  }
  registry_.runtime().remove(record.id);
  return {};
}

Result<DetachOutcome> HostAttachments::detach(const Attachment& attachment,
                                              const DetachRequest& request) {
  PLOOPU_TRY(const auto lock, registry_.lock());
  PLOOPU_TRY(auto record, registry_.find(attachment.id));
  const BlockSnapshot before;
  const Backend* backend = registry_.backend_of(record, before);
  if (backend == nullptr) return fail(ErrorKind::not_found, "the attachment is gone already");
  const std::string device = backend->find_device(record, before);
  const auto& table = before.mounts();
  const auto own = device.empty() || record.is_file
                       ? std::vector<MountEntry>()
                       : ploopu_mounts(before.mounts_of(device), record.mounts);
  DetachOutcome outcome;
  if (request.mountpoint) {
    std::vector<MountEntry> named;
    std::copy_if(own.begin(), own.end(), std::back_inserter(named),
                 [&](const MountEntry& mount) { return mount.directory == *request.mountpoint; });
    outcome.detached = named.size() == own.size();
    if (!outcome.detached) {
      PLOOPU_CHECK(unmount_all(table, named));
      outcome.unmounted = directories_of(named);
      std::erase_if(record.mounts,
                    [&](const NotedMount& mount) { return is_noted_as(named.front(), mount); });
      // A full /run must not make this fail: an old entry in the record does no harm.
      static_cast<void>(registry_.runtime().save(record));
      return outcome;
    }
  }
  const DeviceUserQuery query{device, record.is_file, backend->backing_file(record),
                              directories_of(own), record.server.pid};
  if (request.force) PLOOPU_CHECK(cut_off(*backend, record, own));
  if (!device.empty() && !request.force) PLOOPU_CHECK(check_unused(query));
  // The record keeps the mounts until the device is gone, so that a detach that was interrupted can
  // be finished by another one.
  if (!own.empty() && !request.force) PLOOPU_CHECK(unmount_all(table, own));
  outcome.unmounted = directories_of(own);
  const bool is_kept = !record.overlay_file.empty();
  if (record.is_users_overlay && !is_kept) {
    outcome.discarded = open_file_room(record.server.pid, record.scratch);
  }
  PLOOPU_CHECK(free_device(*backend, record, query));
  if (is_kept && was_cut_short(record.overlay_file, record.scratch)) {
    outcome.warnings.push_back(record.overlay_file +
                               ": its server ended before all data was saved: data written after "
                               "the last sync may be missing");
  }
  return outcome;
}

}  // namespace ploopu
