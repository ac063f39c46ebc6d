// SPDX-License-Identifier: GPL-2.0-or-later
// Whether the journal of a file system is replayed before a mount. `mount` does what the plan says,
// and `mount -n` prints the plan.
//
// The truth is what the container would see after its next start: the state with the journal
// replayed, in an overlay, since the image must not change. Without anything to replay no overlay
// is needed.
#pragma once

#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/disk/disk_view.hpp"
#include "core/volume/mount_options.hpp"
#include "core/volume/partitions.hpp"

namespace ploopu {

// What the user asks of a mount.
struct MountWish {
  std::string journal = "auto";  // "auto", "replay" or "skip"
  bool is_writable = false;
  bool has_overlay_file = false;  // with one, the journal is never skipped
};

// One call of mount(2), and what came of the journal when it succeeds.
struct MountAttempt {
  bool with_overlay = false;
  MountMode mode = MountMode::read_only;
  const char* journal = "clean";  // or "replayed", "skipped"
};

struct JournalPlan {
  MountAttempt first;
  // Follows where the kernel won't mount without a recovery, whatever was seen of the journal.
  std::optional<MountAttempt> if_kernel_asks;
  // Whether the journal was seen to be clean or not.
  bool is_known = false;

  // What -n prints: "clean", "replayed", "skipped if the kernel asks for it"...
  [[nodiscard]] std::string describe() const;
};

// Whether the journal holds what is not in place yet. Nothing where only the kernel can tell, as of
// xfs. An error when the kernel had better not see this file system.
[[nodiscard]] Result<std::optional<bool>> has_dirty_journal(const DiskView& disk,
                                                            const Partition& partition);

[[nodiscard]] JournalPlan plan_journal(const std::string& fstype, std::optional<bool> is_dirty,
                                       const MountWish& wish);

}  // namespace ploopu
