// SPDX-License-Identifier: GPL-2.0-or-later
// Tests every state of a journal, on every file system, with every choice of options: the overlay,
// the mount options and the output, with -n and without.
#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

enum class Journal { none, clean, dirty };

// The superblock shows the journal's state of ext; the kernel shows that of xfs, when the first
// attempt to mount it fails.
struct Volume {
  const char* fstype;
  Journal journal;
};

struct Wish {
  std::vector<std::string> options;
  const char* name;
};

struct Outcome {
  int code = 0;
  bool overlay = false;
  std::string journal;
  std::string planned;  // the journal in the output of -n
  std::string options;
  bool operator==(const Outcome&) const = default;
};

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << "{" << outcome.code << ", " << (outcome.overlay ? "true" : "false") << ", \""
       << outcome.journal << "\", \"" << outcome.planned << "\", \"" << outcome.options << "\"}";
}

constexpr char kIfAsked[] = "replayed if the kernel asks for it";
constexpr char kSkippedIfAsked[] = "skipped if the kernel asks for it";
constexpr char kPath[] = "/vz/private/101/root.hdd/root.hds";

class JournalTableTest : public CommandTest {
 protected:
  void use(const Volume& volume) {
    use_ext4(kPath, volume.journal == Journal::dirty);
    if (volume.journal == Journal::none) remove_journal(kPath);
    prober_.layout.partitions[0].fstype = volume.fstype;
    attachments_.mount_outcomes.clear();
    if (volume.fstype == std::string("xfs") && volume.journal == Journal::dirty) {
      attachments_.mount_outcomes = {MountOutcome::needs_recovery};
    }
  }

  Outcome run_wish(const Wish& wish) {
    std::vector<std::string> arguments = {"mount", "101", "/mnt", "--json"};
    arguments.insert(arguments.end(), wish.options.begin(), wish.options.end());
    Outcome outcome;
    auto dry = arguments;
    dry.emplace_back("-n");
    outcome.code = run(dry);
    if (outcome.code != 0) {
      EXPECT_EQ(run(arguments), outcome.code) << wish.name;
      return outcome;
    }
    const auto plan = json::parse(out_.str());
    outcome.planned = plan["journal"];
    EXPECT_EQ(run(arguments), 0) << wish.name << ": " << err_.str();
    const auto done = json::parse(out_.str());
    outcome.journal = done["journal"];
    outcome.options = done["options"];
    outcome.overlay = done["overlay"];
    // The plan equals the result, unless the plan says that the kernel decides.
    if (outcome.planned.find("if the kernel asks") == std::string::npos) {
      EXPECT_EQ(plan["overlay"], outcome.overlay) << wish.name;
      EXPECT_EQ(plan["options"], outcome.options) << wish.name;
      EXPECT_EQ(outcome.planned, outcome.journal) << wish.name;
    }
    return outcome;
  }
};

const std::vector<Wish> kWishes = {
    {{}, "auto"},
    {{"--journal", "skip"}, "skip"},
    {{"--journal", "replay"}, "replay"},
    {{"--writable"}, "writable"},
    {{"--writable", "--overlay-file", "/var/tmp/kept"}, "writable, kept"},
    {{"--overlay-file", "/var/tmp/kept"}, "kept"},
    {{"--journal", "skip", "--overlay-file", "/var/tmp/kept"}, "skip, kept"},
};

constexpr char kExt[] = "ro,nosuid,nodev,errors=remount-ro";
constexpr char kNoLoad[] = "ro,nosuid,nodev,errors=remount-ro,noload";
constexpr char kWritable[] = "rw,nosuid,nodev,errors=remount-ro";
constexpr char kXfs[] = "ro,nosuid,nodev,nouuid";
constexpr char kNoRecovery[] = "ro,nosuid,nodev,nouuid,norecovery";
constexpr char kXfsWritable[] = "rw,nosuid,nodev,nouuid";
const Outcome kUsage = {64, false, "", "", ""};

TEST_F(JournalTableTest, EveryStateOnEveryFileSystemWithEveryWish) {
  struct Row {
    Volume volume;
    std::vector<Outcome> outcomes;  // an outcome for each of kWishes
  };
  const auto ext = [](const char* skipped) {
    return std::vector<Outcome>{{0, false, "clean", "clean", skipped},
                                {0, false, "clean", "clean", skipped},
                                {0, true, "clean", "clean", kExt},
                                {0, true, "clean", "clean", kWritable},
                                {0, true, "clean", "clean", kWritable},
                                {0, true, "clean", "clean", kExt},
                                kUsage};
  };
  const auto dirty_ext = [](const char* skipped) {
    return std::vector<Outcome>{{0, true, "replayed", "replayed", kExt},
                                {0, false, "skipped", "skipped", skipped},
                                {0, true, "replayed", "replayed", kExt},
                                {0, true, "replayed", "replayed", kWritable},
                                {0, true, "replayed", "replayed", kWritable},
                                {0, true, "replayed", "replayed", kExt},
                                kUsage};
  };
  const std::vector<Outcome> clean_xfs = {{0, false, "clean", kIfAsked, kXfs},
                                          {0, false, "clean", kSkippedIfAsked, kXfs},
                                          {0, true, "replayed", "replayed", kXfs},
                                          {0, true, "replayed", "replayed", kXfsWritable},
                                          {0, true, "replayed", "replayed", kXfsWritable},
                                          {0, true, "replayed", "replayed", kXfs},
                                          kUsage};
  const std::vector<Row> rows = {{{"ext2", Journal::none}, ext(kExt)},
                                 {{"ext3", Journal::clean}, ext(kNoLoad)},
                                 {{"ext3", Journal::dirty}, dirty_ext(kNoLoad)},
                                 {{"ext4", Journal::none}, ext(kNoLoad)},
                                 {{"ext4", Journal::clean}, ext(kNoLoad)},
                                 {{"ext4", Journal::dirty}, dirty_ext(kNoLoad)},
                                 {{"xfs", Journal::clean}, clean_xfs}};
  for (const auto& row : rows) {
    for (size_t i = 0; i < kWishes.size(); ++i) {
      use(row.volume);
      EXPECT_EQ(run_wish(kWishes[i]), row.outcomes[i])
          << row.volume.fstype << ' ' << static_cast<int>(row.volume.journal) << ' '
          << kWishes[i].name;
    }
  }
}

TEST_F(JournalTableTest, TheKernelAsksForARecoveryOfXfs) {
  struct Row {
    const Wish& wish;
    Outcome outcome;
  };
  const std::vector<Row> rows = {
      {kWishes[0], {0, true, "replayed", kIfAsked, kXfs}},
      {kWishes[1], {0, false, "skipped", kSkippedIfAsked, kNoRecovery}},
  };
  for (const auto& row : rows) {
    use({"xfs", Journal::dirty});
    EXPECT_EQ(run_wish(row.wish), row.outcome) << row.wish.name;
  }
}

class MountReportTest : public CommandTest {};

// mount(8) reports nothing; JSON that was asked for is printed all the same.
TEST_F(MountReportTest, QuietIsSilent) {
  use_ext4(kPath, false);
  ASSERT_EQ(run({"mount", "101", "/mnt"}), 0) << err_.str();
  EXPECT_THAT(out_.str(), ::testing::HasSubstr(" is mounted read-only on /mnt"));
  ASSERT_EQ(run({"-q", "mount", "101", "/mnt"}), 0) << err_.str();
  EXPECT_EQ(out_.str(), "");
  ASSERT_EQ(run({"-q", "mount", "101", "/mnt", "--json"}), 0) << err_.str();
  EXPECT_EQ(json::parse(out_.str())["mountpoint"], "/mnt");
}

}  // namespace
}  // namespace ploopu::testing
