// SPDX-License-Identifier: GPL-2.0-or-later
// Whether the journal of a file system is replayed before a mount. `mount` does what the plan says,
// and `mount -n` prints the plan.
//
// A mount shows what the container sees after its next start: the state with the journal replayed,
// in an overlay, since the image must not change. Without anything to replay no overlay
// is needed.
#pragma once

#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/disk/disk_view.hpp"
#include "core/volume/mount_options.hpp"
#include "core/volume/partitions.hpp"

namespace ploopu {

// The user's wishes for a mount.
struct MountWish {
  std::string journal = "auto";  // "auto", "replay" or "skip"
  bool is_writable = false;
  bool has_overlay_file = false;  // with one, the journal is never skipped
};

// A call of mount(2), and the outcome for the journal if the call succeeds.
struct MountAttempt {
  bool with_overlay = false;
  MountMode mode = MountMode::read_only;
  const char* journal = "clean";  // or "replayed", "skipped"
};

struct JournalPlan {
  MountAttempt first;
  // The second attempt, if the first one ends with MountOutcome::needs_recovery.
  std::optional<MountAttempt> if_kernel_asks;
  // Whether has_dirty_journal() could tell.
  bool is_known = false;

  // The words of -n: "clean", "replayed", "skipped if the kernel asks for it"...
  [[nodiscard]] std::string describe() const;
};

// Whether the journal holds changes that are not in place yet. Nothing where only the kernel can
// tell, such as for xfs. Fails as check_ext() does for an ext file system that endangers the host.
[[nodiscard]] Result<std::optional<bool>> has_dirty_journal(const DiskView& disk,
                                                            const Partition& partition);

// The plan for a file system. `is_dirty` comes from has_dirty_journal().
[[nodiscard]] JournalPlan plan_journal(const std::string& fstype, std::optional<bool> is_dirty,
                                       const MountWish& wish);

}  // namespace ploopu
