// SPDX-License-Identifier: GPL-2.0-or-later
// The port to everything that is attached and mounted. Implemented by
// platform/attach/host_attachments.
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
  hung,   // a process of its server stands still: over nbd it is replaced within seconds
  stale,  // its server or loop devices are gone, or the device was taken away from it: to be
          // detached
};

// An image that is a device (or a file) of this host now: its facts, and what the kernel shows.
struct Attachment : AttachmentFacts {
  // More names of the device and its partitions: "/dev/dm-0" for "/dev/mapper/...".
  std::vector<std::string> other_nodes;
  int server_pid = 0;  // 0 when there is no server, or the server has died
  AttachmentState state = AttachmentState::serving;
  std::vector<std::string> mountpoints;         // everywhere the kernel shows it
  std::vector<std::string> ploopu_mountpoints;  // mountpoints that ploopu made
  // Where ploopu once mounted it: something else may have unmounted it there since.
  std::vector<std::string> former_mountpoints;
  // Whether files of the image were written to, replaced or removed since; nothing when that can't
  // be told. look_at_images() finds that out, and adds a warning for each file.
  std::optional<bool> image_changed;
  std::vector<std::string> warnings;
};

// A private writable layer that vanishes with the device, unless it has a file of its own.
struct OverlayRequest {
  bool wanted = false;
  bool tolerated = false;              // allowed for an image that is attached already
  bool for_mount = false;              // nobody writes to it but a mount that says so
  std::string directory = "/var/tmp";  // directory of the scratch file
  std::string file;                    // absolute; what is written is kept there
  uint64_t limit = 0;                  // bytes that it may keep; 0: half of what is free there
};

struct AttachRequest {
  std::string root = "/";
  std::string backend = "auto";  // "auto", or the name of one
  bool as_file = false;          // no block device, just a file with the disk's content
  bool is_new = false;           // another device, even if the image has one already
  bool is_strict = false;        // nothing is served any more once the image was written to
  std::string name;              // its own in ploopu.tab, if it has one
  OverlayRequest overlay;
};

struct AttachOutcome {
  Attachment attachment;
  bool already_attached = false;
  std::vector<std::string> notes;  // which back end was taken, and why not another
};

// Tells what attach() does with a request.
struct AttachPlan {
  std::optional<Attachment>
      existing;                    // the attachment that it would give back; otherwise a new one
  std::string backend;             // its back end
  std::vector<std::string> notes;  // why not another back end
};

// A directory that a file system is to be mounted on. It is held: what its name means may change,
// but the mount lands on this one.
class MountPoint {
 public:
  MountPoint() = default;
  virtual ~MountPoint() = default;
  MountPoint(const MountPoint&) = delete;
  MountPoint& operator=(const MountPoint&) = delete;
  MountPoint(MountPoint&&) = default;
  MountPoint& operator=(MountPoint&&) = default;

  // Absolute, without symbolic links, as it was when the directory was found.
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
  needs_recovery,  // the kernel won't mount it read-only before its journal was replayed
};

struct DetachRequest {
  // Only this one is unmounted, and the device stays, if ploopu has mounted it elsewhere, too.
  std::optional<std::string> mountpoint;
  // Whoever uses the device gets errors from now on, where the back end can do that.
  bool force = false;
};

struct DetachOutcome {
  std::vector<std::string> unmounted;  // directories
  bool detached = true;                // false: only unmounted, the device stays
  uint64_t discarded = 0;  // bytes that the user wrote to an overlay, and that are gone now
  std::vector<std::string> warnings;
};

// An image through an overlay that was kept, to look at before it is attached.
class OverlayView {
 public:
  OverlayView() = default;
  virtual ~OverlayView() = default;
  OverlayView(const OverlayView&) = delete;
  OverlayView& operator=(const OverlayView&) = delete;

  // Only to be read.
  [[nodiscard]] virtual const DiskView& view() const = 0;
};

// While any copy of it exists, no other process changes what is attached.
using AttachmentLock = std::shared_ptr<const void>;

class Attachments {
 public:
  Attachments() = default;
  virtual ~Attachments() = default;
  Attachments(const Attachments&) = delete;
  Attachments& operator=(const Attachments&) = delete;

  // For several steps that belong together; each of those below takes it for itself as well.
  // ErrorKind::busy when one other process keeps it for half a minute.
  [[nodiscard]] virtual Result<AttachmentLock> lock() = 0;

  // True for root. Other users can attach only as a file, and see only their own attachments.
  [[nodiscard]] virtual bool is_privileged() const = 0;

  // Returns when the device and the nodes of all partitions can be used. An image that is attached
  // already keeps its device. On error nothing is left behind.
  [[nodiscard]] virtual Result<AttachOutcome> attach(const Image& image, const DiskLayout& layout,
                                                     const AttachRequest& request) = 0;

  // Fails where attach() would fail, with the error that it would give, as far as that can be known
  // without changing anything on the host.
  [[nodiscard]] virtual Result<AttachPlan> plan(const Image& image, const DiskLayout& layout,
                                                const AttachRequest& request) = 0;

  // nullptr while there is no such file. The image outlives the answer.
  [[nodiscard]] virtual Result<std::unique_ptr<OverlayView>> view_overlay(
      const Image& image, const std::string& file) = 0;

  // Has it served by processes of this program from now on, whatever serves it now, if anything.
  // Who uses the device waits meanwhile. `image` is what was attached, opened anew.
  // ErrorKind::refused, and nothing is done, when that isn't the same or the back end can't do it.
  [[nodiscard]] virtual Result<void> reload(const Attachment& attachment, const Image& image) = 0;

  [[nodiscard]] virtual Result<std::vector<Attachment>> list() = 0;

  // Finds out whether the images of `attachments`, which list() returned, have changed. Waits at
  // most two seconds an image for storage that doesn't answer.
  virtual void look_at_images(std::vector<Attachment>& attachments) = 0;

  // ErrorKind::not_found where there is no such directory. ErrorKind::refused for root where
  // another user could exchange something on the way to it, unless `allows_any_owner`.
  [[nodiscard]] virtual Result<std::unique_ptr<MountPoint>> hold_mountpoint(
      const std::string& directory, bool allows_any_owner) = 0;
  // ErrorKind::busy when something is mounted there.
  [[nodiscard]] virtual Result<void> check_mountpoint(const MountPoint& mountpoint) = 0;
  // `mountpoint` is one of hold_mountpoint().
  [[nodiscard]] virtual Result<MountOutcome> mount(const Attachment& attachment,
                                                   const MountPoint& mountpoint,
                                                   const MountRequest& request) = 0;

  // Refuses, naming who, while anything but ploopu's own mounts uses the device; otherwise
  // unmounts those, frees the device and waits until its server, if any, has ended.
  // ErrorKind::not_found when it was detached meanwhile.
  [[nodiscard]] virtual Result<DetachOutcome> detach(const Attachment& attachment,
                                                     const DetachRequest& request) = 0;
};

}  // namespace ploopu
