// SPDX-License-Identifier: GPL-2.0-or-later
// Every wish about a journal that is clean, dirty or unknown.
#include "core/volume/journal_plan.hpp"

#include <gtest/gtest.h>

namespace ploopu {
namespace {

std::string describe(const MountAttempt& attempt) {
  const char* mode = attempt.mode == MountMode::writable       ? "writable"
                     : attempt.mode == MountMode::skip_journal ? "skip"
                                                               : "read-only";
  return fmt::format("{}{} {}", attempt.with_overlay ? "overlay " : "", mode, attempt.journal);
}

TEST(JournalPlanTest, EachWish) {
  struct Row {
    const char* fstype;
    std::optional<bool> is_dirty;
    MountWish wish;
    const char* first;
    const char* then;  // if the kernel asks for a recovery
    const char* description;
  };
  const MountWish automatic, replay{"replay", false, false}, skip{"skip", false, false},
      writable{"auto", true, false}, kept{"auto", false, true};
  const std::vector<Row> rows = {
      {"ext4", false, automatic, "skip clean", "overlay read-only replayed", "clean"},
      {"ext4", false, skip, "skip clean", "skip skipped", "clean"},
      {"ext4", false, replay, "overlay read-only clean", "", "clean"},
      {"ext4", false, writable, "overlay writable clean", "", "clean"},
      {"ext4", false, kept, "overlay read-only clean", "", "clean"},
      {"ext4", true, automatic, "overlay read-only replayed", "", "replayed"},
      {"ext4", true, skip, "skip skipped", "", "skipped"},
      {"ext4", true, replay, "overlay read-only replayed", "", "replayed"},
      {"ext4", true, writable, "overlay writable replayed", "", "replayed"},
      {"xfs", std::nullopt, automatic, "read-only clean", "overlay read-only replayed",
       "replayed if the kernel asks for it"},
      {"xfs", std::nullopt, skip, "read-only clean", "skip skipped",
       "skipped if the kernel asks for it"},
      {"xfs", std::nullopt, replay, "overlay read-only replayed", "", "replayed"},
      {"xfs", std::nullopt, writable, "overlay writable replayed", "", "replayed"},
      // A type that the user named: nobody knows whether it has a journal.
      {"vfat", std::nullopt, kept, "overlay read-only clean", "", "clean"},
  };
  for (const auto& row : rows) {
    const JournalPlan plan = plan_journal(row.fstype, row.is_dirty, row.wish);
    const std::string name = fmt::format("{} {} {}", row.fstype, row.description, row.wish.journal);
    EXPECT_EQ(describe(plan.first), row.first) << name;
    EXPECT_EQ(plan.if_kernel_asks ? describe(*plan.if_kernel_asks) : "", row.then) << name;
    EXPECT_EQ(plan.describe(), row.description) << name;
  }
}

}  // namespace
}  // namespace ploopu
