// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/volume/journal_plan.hpp"

#include "core/volume/ext_superblock.hpp"

namespace ploopu {

std::string JournalPlan::describe() const {
  if (is_known || !if_kernel_asks) return first.journal;
  return std::string(if_kernel_asks->journal) + " if the kernel asks for it";
}

Result<std::optional<bool>> has_dirty_journal(const DiskView& disk, const Partition& partition) {
  if (!is_ext(partition.fstype)) return std::nullopt;
  PLOOPU_TRY(const bool is_dirty, check_ext(disk, partition.start, partition.size));
  return is_dirty;
}

JournalPlan plan_journal(const std::string& fstype, std::optional<bool> is_dirty,
                         const MountWish& wish) {
  const MountMode with_overlay = wish.is_writable ? MountMode::writable : MountMode::read_only;
  const MountAttempt replay = {true, with_overlay, "replayed"};
  const MountAttempt skip = {false, MountMode::skip_journal, "skipped"};
  const bool skips = wish.journal == "skip";
  JournalPlan plan;
  plan.is_known = is_dirty.has_value();
  if (wish.journal == "replay" || wish.is_writable || wish.has_overlay_file) {
    plan.first = replay;
    // The log of xfs can't be seen, so what was in it is taken to be replayed.
    if (!is_dirty.value_or(fstype == "xfs")) plan.first.journal = "clean";
  } else if (is_dirty.value_or(false)) {
    plan.first = skips ? skip : replay;
  } else {
    // A journal that is seen to be clean holds nothing, so the kernel is told to leave it alone.
    plan.first = {false, is_ext(fstype) ? MountMode::skip_journal : MountMode::read_only, "clean"};
    plan.if_kernel_asks = skips ? skip : replay;
  }
  return plan;
}

}  // namespace ploopu
