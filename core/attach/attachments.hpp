// SPDX-License-Identifier: GPL-2.0-or-later
// The port to everything that ploopu attached and mounted on this host. Implemented by
// platform/attach/host_attachments.
//
//     PLOOPU_TRY(const auto lock, attachments.lock());
//     PLOOPU_TRY(const auto made, attachments.attach(image, layout, {.backend = "nbd"}));
//     PLOOPU_TRY(const auto gone, attachments.detach(made.attachment, {}));
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/attach/attachment_facts.hpp"
#include "core/base/result.hpp"
#include "core/disk/image.hpp"
#include "core/volume/partitions.hpp"

namespace ploopu {

enum class AttachmentState {
  serving,
  hung,   // a process of its server is stopped; over nbd the process is replaced within seconds
  stale,  // its server or loop devices are gone, or another program took the device: the user
          // should detach it
};

// An image that is a device or a file of this host now: its facts, and its state in the kernel.
struct Attachment : AttachmentFacts {
  // Other names of the device and its partitions, such as "/dev/dm-0" for "/dev/mapper/...".
  std::vector<std::string> other_nodes;
  int server_pid = 0;  // 0 when there is no server, or the server has died
  AttachmentState state = AttachmentState::serving;
  std::vector<std::string> mountpoints;         // all its mount points now
  std::vector<std::string> ploopu_mountpoints;  // those of them that ploopu mounted
  // Mount points in the record that exist no more: another program has unmounted them.
  std::vector<std::string> former_mountpoints;
  // Whether files of the image were written to, replaced or removed since it was attached; nothing
  // when nobody can tell. look_at_images() sets it, and adds a warning for each file.
  std::optional<bool> image_changed;
  std::vector<std::string> warnings;
};

// Asks for a writable layer above the image. Its data is gone after detach, unless `file` keeps it.
struct OverlayRequest {
  bool wanted = false;
  bool tolerated = false;              // accepts an existing attachment with an overlay
  bool for_mount = false;              // only a mount with is_writable writes to it
  std::string directory = "/var/tmp";  // directory of the scratch file
  std::string file;                    // absolute path of a file that keeps the writes; may be ""
  uint64_t limit = 0;  // most bytes to store; 0: half of the free space of that file system
};

struct AttachRequest {
  std::string root = "/";
  std::string backend = "auto";  // "auto", or the name of one
  bool as_file = false;          // makes a file with the disk's contents, not a block device
  bool is_new = false;           // makes another device, even if the image has one already
  bool is_strict = false;        // reads fail as soon as somebody writes to the image
  std::string name;              // its name in ploopu.tab; empty if it has none
  OverlayRequest overlay;
};

struct AttachOutcome {
  Attachment attachment;
  bool already_attached = false;
  std::vector<std::string> notes;  // which back end was chosen, and why not others before it
};

// The course that attach() takes for a request.
struct AttachPlan {
  std::optional<Attachment> existing;  // what attach() would return; nothing if it makes a new one
  std::string backend;                 // the back end of that attachment
  std::vector<std::string> notes;      // why other back ends before it are not used
};

// A directory to mount a file system on, which is held: even if another directory gets its name,
// the mount is made on this one.
//
//     PLOOPU_TRY(const auto held, attachments.hold_mountpoint("/mnt", false));
//     PLOOPU_CHECK(attachments.check_mountpoint(*held));
//     PLOOPU_TRY(const auto outcome, attachments.mount(attachment, *held, request));
class MountPoint {
 public:
  MountPoint() = default;
  virtual ~MountPoint() = default;
  MountPoint(const MountPoint&) = delete;
  MountPoint& operator=(const MountPoint&) = delete;
  MountPoint(MountPoint&&) = default;
  MountPoint& operator=(MountPoint&&) = default;

  // The absolute path, without symbolic links, that the directory had when it was found.
  [[nodiscard]] virtual const std::string& path() const = 0;
};

struct MountRequest {
  std::string device;
  std::string fstype;
  std::string options;
  bool is_writable = false;
};

enum class MountOutcome {
  mounted,
  needs_recovery,  // not mounted: the kernel wants to replay the journal first
};

struct DetachRequest {
  // If set, only this mount point is unmounted. The device is detached, too, unless ploopu has
  // mounted the device elsewhere.
  std::optional<std::string> mountpoint;
  // Detaches a device in use: its users get errors from then on, if the back end can do that.
  bool force = false;
};

struct DetachOutcome {
  std::vector<std::string> unmounted;  // directories
  bool detached = true;                // false: only unmounted, the device stays
  uint64_t discarded = 0;              // bytes of overlay data that detach discarded
  std::vector<std::string> warnings;
};

// The disk of an image with the data of an overlay file, to examine it before it is attached.
//
//     PLOOPU_TRY(const auto kept, attachments.view_overlay(image, "/root/101.overlay"));
//     if (kept != nullptr) find_layout(kept->view());
class OverlayView {
 public:
  OverlayView() = default;
  virtual ~OverlayView() = default;
  OverlayView(const OverlayView&) = delete;
  OverlayView& operator=(const OverlayView&) = delete;

  // The disk with the overlay's data. It lives as long as this object.
  [[nodiscard]] virtual const DiskView& view() const = 0;
};

// While a copy of the lock exists, no other process of ploopu attaches, mounts or detaches.
using AttachmentLock = std::shared_ptr<const void>;

class Attachments {
 public:
  Attachments() = default;
  virtual ~Attachments() = default;
  Attachments(const Attachments&) = delete;
  Attachments& operator=(const Attachments&) = delete;

  // Takes the lock, for several steps that belong together. The other methods take the lock
  // themselves; in a process that holds it already they don't wait. ErrorKind::busy when another
  // process holds it for half a minute.
  [[nodiscard]] virtual Result<AttachmentLock> lock() = 0;

  // True for root. Other users can attach only as a file, and see only their own attachments.
  [[nodiscard]] virtual bool is_privileged() const = 0;

  // Attaches `image` and returns when the device and the nodes of all partitions are ready. Returns
  // the existing attachment if that meets the request; ErrorKind::busy if it doesn't. Leaves
  // nothing behind on error.
  [[nodiscard]] virtual Result<AttachOutcome> attach(const Image& image, const DiskLayout& layout,
                                                     const AttachRequest& request) = 0;

  // Tells what attach() does with the request, and fails with its error, as far as ploopu can know
  // that without changing the host.
  [[nodiscard]] virtual Result<AttachPlan> plan(const Image& image, const DiskLayout& layout,
                                                const AttachRequest& request) = 0;

  // Opens the overlay file `file` over `image`, which must outlive the result. The result is
  // nullptr when the file doesn't exist. ErrorKind::refused for the overlay file of another image.
  [[nodiscard]] virtual Result<std::unique_ptr<OverlayView>> view_overlay(
      const Image& image, const std::string& file) = 0;

  // Replaces the servers of the attachment, dead ones too, by new processes of this program. Users
  // of the device wait meanwhile. `image` is the attached image, opened again. ErrorKind::refused,
  // and nothing is done, for changed files, an overlay, or a back end that can't do it;
  // ErrorKind::not_found when it was detached meanwhile.
  [[nodiscard]] virtual Result<void> reload(const Attachment& attachment, const Image& image) = 0;

  // All attachments that this user may see, without a check of their images.
  [[nodiscard]] virtual Result<std::vector<Attachment>> list() = 0;

  // Sets image_changed of `attachments`, which list() returned. Waits for storage that doesn't
  // answer, at most three seconds for all images together.
  virtual void look_at_images(std::vector<Attachment>& attachments) = 0;

  // Holds a directory to mount on. ErrorKind::not_found when it doesn't exist. For root,
  // ErrorKind::refused when another user can replace a part of its path, unless `allows_any_owner`.
  [[nodiscard]] virtual Result<std::unique_ptr<MountPoint>> hold_mountpoint(
      const std::string& directory, bool allows_any_owner) = 0;
  // ErrorKind::busy when a file system is mounted on the directory.
  [[nodiscard]] virtual Result<void> check_mountpoint(const MountPoint& mountpoint) = 0;
  // Mounts request.device, the device or a partition of `attachment`, on a directory that
  // hold_mountpoint() returned.
  [[nodiscard]] virtual Result<MountOutcome> mount(const Attachment& attachment,
                                                   const MountPoint& mountpoint,
                                                   const MountRequest& request) = 0;

  // Unmounts ploopu's own mounts, frees the device and waits until its server has ended.
  // ErrorKind::busy, with the user's name, while anything else uses the device;
  // ErrorKind::not_found when it was detached meanwhile.
  [[nodiscard]] virtual Result<DetachOutcome> detach(const Attachment& attachment,
                                                     const DetachRequest& request) = 0;
};

}  // namespace ploopu
