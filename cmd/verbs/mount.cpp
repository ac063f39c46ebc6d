// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu mount: attaches the image if needed, and mounts one partition.
#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/cli/word_option.hpp"
#include "cmd/steps/attach_options.hpp"
#include "cmd/steps/dry_run.hpp"
#include "cmd/steps/open_image.hpp"
#include "core/base/text.hpp"
#include "core/volume/ext_superblock.hpp"
#include "core/volume/journal_plan.hpp"
#include "core/volume/mount_options.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kMountFooter[] =
    "\nThe mount is nosuid, nodev and, without --writable, read-only. If the container crashed, "
    "its\n"
    "journal is replayed in a private overlay, which 'umount' discards: the mount shows the files\n"
    "as the container would after its next start, and the image is not changed.\n"
    "\nExamples:\n"
    "  ploopu mount 101 /mnt\n"
    "  ploopu mount 101 /mnt -o noexec --partition 2\n"
    "  ploopu mount 101 /mnt -s 5d0c1f6c      mount a snapshot\n"
    "  ploopu mount 101 /mnt --journal skip   do not replay the journal\n"
    "  ploopu mount 101 /mnt --writable       discard written data when unmounting\n"
    "  ploopu mount 101 /mnt --writable --overlay-file ./101.overlay   keep written data\n"
    "  ploopu umount /mnt\n";

struct MountOptionsGiven {
  ImageChoice choice;
  std::string directory;
  std::optional<uint32_t> partition;
  std::string options;
  std::string journal = "auto";
  std::string fstype;  // from -t; empty to detect it
  bool writable = false;
  bool unless_mounted = false;
  bool allows_any_owner = false;
  bool dry_run = false;
  AttachRequest request;
};

struct Mounted {
  AttachOutcome attached;
  Partition partition;
  std::string device;
  std::unique_ptr<MountPoint> mountpoint;
  std::string directory;
  std::string options;
  const char* journal = "clean";
  std::vector<std::string> warnings;
};

Result<std::string> node_of(const Attachment& attachment, uint32_t number) {
  for (const auto& partition : attachment.partitions) {
    if (partition.number == number) return partition.device;
  }
  return fail(ErrorKind::damaged, "{}: has no node for partition {}: it overlaps another one",
              attachment.device, number);
}

std::string skipped_warning(const Partition& partition) {
  return fmt::format(
      "the {} journal was not replayed: the latest changes of the container may be missing or "
      "incomplete",
      partition.fstype);
}

// Mounts the partition. The kernel replays a journal whenever the device can be written, even for a
// read-only mount.
Result<MountOutcome> mount_partition(Context& context, MountMode mode, const std::string& extra,
                                     Mounted& mounted) {
  const Partition& partition = mounted.partition;
  PLOOPU_TRY(const auto options, mount_options(partition.fstype, mode, extra));
  const MountRequest request{mounted.device, partition.fstype, options.text,
                             mode == MountMode::writable};
  PLOOPU_TRY(const auto outcome,
             context.attachments.mount(mounted.attached.attachment, *mounted.mountpoint, request));
  mounted.options = options.text;
  mounted.warnings = options.warnings;
  return outcome;
}

MountWish wish_of(const MountOptionsGiven& given) {
  return {given.journal, given.writable, !given.request.overlay.file.empty()};
}

AttachRequest request_of(const MountOptionsGiven& given, const MountAttempt& attempt) {
  AttachRequest request = given.request;
  request.overlay.wanted = attempt.with_overlay;
  request.overlay.tolerated = given.journal == "auto";
  request.overlay.for_mount = true;
  return request;
}

// The journal need not be skipped on a device that already has an overlay: it is replayed there.
MountMode mode_on(const MountAttempt& attempt, bool has_overlay) {
  return attempt.mode == MountMode::skip_journal && has_overlay ? MountMode::read_only
                                                                : attempt.mode;
}

// Attaches the image, with an overlay if the attempt asks for one, and mounts it. If the mount
// fails, detaches the device again, unless it was attached before.
Result<MountOutcome> attach_and_mount(Context& context, const OpenedImage& opened,
                                      const MountOptionsGiven& given, const MountAttempt& attempt,
                                      Mounted& mounted) {
  mounted.device.clear();  // until it is attached
  mounted.journal = attempt.journal;
  PLOOPU_TRY(mounted.attached, attach(context, opened, request_of(given, attempt)));
  const Attachment& attachment = mounted.attached.attachment;
  auto done = [&]() -> Result<MountOutcome> {
    PLOOPU_TRY(mounted.device, node_of(attachment, mounted.partition.number));
    const MountMode mode = mode_on(attempt, attachment.has_overlay);
    return mount_partition(context, mode, given.options, mounted);
  }();
  if ((done && *done == MountOutcome::mounted) || mounted.attached.already_attached) return done;
  if (auto undone = context.attachments.detach(attachment, {}); !undone) {
    if (done) return tl::unexpected<Error>(std::move(undone).error());
    done.error().message += fmt::format("; and detaching failed: {}", undone.error().message);
  }
  return done;
}

Error cannot_replay(const Mounted& mounted, const std::string& why) {
  return {ErrorKind::damaged,
          fmt::format("{}: its {} journal can't be replayed ({}); use --journal skip to mount the "
                      "disk without it",
                      mounted.device, mounted.partition.fstype, why)};
}

// The error of the last attempt.
Error error_of_attempt(const MountAttempt& attempt, Result<MountOutcome> outcome,
                       bool blames_journal, const Mounted& mounted) {
  if (outcome && !attempt.with_overlay) {
    return {ErrorKind::damaged,
            fmt::format("{}: {} can't be mounted read-only, even without its journal",
                        mounted.device, mounted.partition.fstype)};
  }
  if (outcome) return cannot_replay(mounted, "the kernel asks for a recovery still");
  // Before there is a device, the journal had no part in it.
  const bool is_blamed = attempt.with_overlay && blames_journal && !mounted.device.empty() &&
                         outcome.error().kind != ErrorKind::busy;
  return is_blamed ? cannot_replay(mounted, outcome.error().message) : std::move(outcome).error();
}

Result<void> mount_by_journal(Context& context, const OpenedImage& opened, const DiskView& disk,
                              const MountOptionsGiven& given, Mounted& mounted) {
  PLOOPU_TRY(const auto is_dirty, has_dirty_journal(disk, mounted.partition));
  const JournalPlan plan = plan_journal(mounted.partition.fstype, is_dirty, wish_of(given));
  MountAttempt attempt = plan.first;
  auto outcome = attach_and_mount(context, opened, given, attempt, mounted);
  const bool asks = plan.if_kernel_asks && outcome && *outcome == MountOutcome::needs_recovery;
  if (asks) {
    attempt = *plan.if_kernel_asks;
    outcome = attach_and_mount(context, opened, given, attempt, mounted);
  }
  if (!outcome || *outcome != MountOutcome::mounted) {
    // A mount with a journal that is clean, or may be clean, fails for another reason.
    const bool blames_journal = asks || is_dirty.value_or(false);
    return tl::unexpected<Error>(
        error_of_attempt(attempt, std::move(outcome), blames_journal, mounted));
  }
  if (std::string_view(mounted.journal) == "skipped") {
    mounted.warnings.push_back(skipped_warning(mounted.partition));
  }
  return {};
}

// The partition to mount, with its file system type.
Result<Partition> choose(const DiskLayout& layout, const MountOptionsGiven& given) {
  const uint32_t* number = given.partition ? &*given.partition : nullptr;
  if (given.fstype.empty()) return choose_partition(layout, number);
  PLOOPU_CHECK(check_fstype(given.fstype));
  PLOOPU_TRY(auto partition, find_partition(layout, number));
  partition.fstype = given.fstype;
  return partition;
}

// Checks all that can be checked before anything is attached.
Result<Mounted> prepare(const Context& context, const OpenedImage& opened,
                        const MountOptionsGiven& given) {
  Mounted mounted;
  PLOOPU_TRY(mounted.partition, choose(opened.layout, given));
  PLOOPU_TRY(const auto checked,
             mount_options(mounted.partition.fstype, MountMode::read_only, given.options));
  PLOOPU_TRY(mounted.mountpoint,
             context.attachments.hold_mountpoint(given.directory, given.allows_any_owner));
  mounted.directory = mounted.mountpoint->path();
  if (!context.attachments.is_privileged()) {
    return fail(ErrorKind::not_permitted,
                "only root can mount an image; 'ploopu attach --backend fuse --no-loop' gives a "
                "file with the contents of the disk");
  }
  return mounted;
}

Result<Mounted> do_mount(Context& context, const OpenedImage& opened, const DiskView& disk,
                         const MountOptionsGiven& given) {
  PLOOPU_TRY(auto mounted, prepare(context, opened, given));
  // The lock makes attach and mount one step for other processes: none may start to use a device
  // that is detached again below.
  PLOOPU_TRY(const auto lock, context.attachments.lock());
  PLOOPU_CHECK(context.attachments.check_mountpoint(*mounted.mountpoint));
  PLOOPU_CHECK(mount_by_journal(context, opened, disk, given, mounted));
  return mounted;
}

// Prints the plan of do_mount(), which comes true if the kernel judges the journal as
// has_dirty_journal() does.
Result<void> plan_mount(Context& context, const OpenedImage& opened, const DiskView& disk,
                        const MountOptionsGiven& given) {
  PLOOPU_TRY(const auto mounted, prepare(context, opened, given));
  PLOOPU_CHECK(context.attachments.check_mountpoint(*mounted.mountpoint));
  PLOOPU_TRY(const auto is_dirty, has_dirty_journal(disk, mounted.partition));
  const std::string& fstype = mounted.partition.fstype;
  const JournalPlan journal = plan_journal(fstype, is_dirty, wish_of(given));
  const AttachRequest request = request_of(given, journal.first);
  PLOOPU_TRY(const auto plan, plan_attach(context, opened, request));
  const bool has_overlay = plan.existing ? plan.existing->has_overlay : request.overlay.wanted;
  PLOOPU_TRY(const auto options,
             mount_options(fstype, mode_on(journal.first, has_overlay), given.options));
  context.warn(options.warnings);
  print_plan(context, opened, request, plan,
             MountPlan{mounted.partition.number, fstype, mounted.directory, options.text,
                       journal.describe()});
  return {};
}

// Whether this image is mounted on the directory already. mount -a can't know: it finds a device,
// not the image, in the mount table, so it runs the helper each time.
Result<bool> is_mounted_there(const Context& context, const Image& image,
                              const std::string& directory) {
  PLOOPU_TRY(const auto resolved, context.files.resolve("/", directory));
  PLOOPU_TRY(const auto attachments, context.attachments.list());
  return std::any_of(attachments.begin(), attachments.end(), [&](const Attachment& attachment) {
    const auto& own = attachment.ploopu_mountpoints;
    return attachment.image == image.location.path && attachment.snapshot == image.snapshot &&
           std::find(own.begin(), own.end(), resolved.path) != own.end();
  });
}

Result<void> run_mount(Context& context, MountOptionsGiven given) {
  given.request.root = context.options.root;
  if (given.journal == "skip" && !given.request.overlay.file.empty()) {
    return fail(ErrorKind::usage,
                "--journal skip: with --overlay-file the journal is replayed into that file");
  }
  PLOOPU_TRY(auto opened, open_and_probe(context, given.choice));
  if (given.unless_mounted) {
    PLOOPU_TRY(const bool is_there, is_mounted_there(context, opened.image, given.directory));
    if (is_there) return {};
  }
  PLOOPU_CHECK(hold_checked(context, opened));
  PLOOPU_TRY(const auto view, look_through_overlay(context, opened, given.request.overlay));
  context.warn(opened.warnings());
  PLOOPU_CHECK(refuse_exposed(context, opened.image));
  const DiskView& disk = view ? view->view() : opened.image.disk;
  if (given.dry_run) return plan_mount(context, opened, disk, given);
  PLOOPU_TRY(const auto mounted, do_mount(context, opened, disk, given));
  context.note(notes_of(mounted.attached));
  context.warn(mounted.warnings);
  if (is_ext(mounted.partition.fstype) && std::string_view(mounted.journal) == "replayed") {
    const std::string& file = mounted.attached.attachment.overlay_file;
    context.note({fmt::format("{}: replayed the journal in {}; the image was not changed",
                              mounted.device, file.empty() ? "a private overlay" : file)});
  }
  if (!context.options.json) {
    const char* how = given.writable ? "writable" : "read-only";
    const std::string& file = mounted.attached.attachment.overlay_file;
    const std::string advice = !given.writable ? ""
                               : file.empty()  ? "; 'ploopu umount' discards written data"
                                               : "; written data is kept in " + file;
    // mount(8) reports nothing either.
    if (!context.options.quiet) {
      context.out << escape_bytes(fmt::format("{} ({}, by {}) is mounted {} on {}{}",
                                              mounted.device, mounted.partition.fstype,
                                              mounted.attached.attachment.backend, how,
                                              mounted.directory, advice))
                  << '\n';
    }
    return keep_if_told(context, mounted.attached);
  }
  Json document = attachment_json(opened, mounted.attached, mounted.warnings);
  document["read_only"] = !given.writable;
  document["mountpoint"] = text(mounted.directory);
  document["fstype"] = text(mounted.partition.fstype);
  document["options"] = text(mounted.options);
  document["journal"] = mounted.journal;
  context.out << document.dump(2) << '\n';
  return keep_if_told(context, mounted.attached);
}

}  // namespace

void declare_mount(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("mount", "Mount a file system of an image");
  command->footer(kMountFooter);
  auto given = std::make_shared<MountOptionsGiven>();
  add_image_options(*command, given->choice);
  command->add_option("DIR", given->directory, "Mount point, an existing directory")
      ->required()
      ->type_name("");
  command
      ->add_option("--partition", given->partition,
                   "Number of the partition, if several have a file system")
      ->type_name("N");
  command
      ->add_option("-o", given->options,
                   "Mount options, separated by commas, in addition to ploopu's own")
      ->type_name("OPTIONS");
  CLI::Option* journal =
      add_choice(*command, "--journal", given->journal,
                 "Treatment of a journal that must be replayed: auto, replay or skip",
                 {"auto", "replay", "skip"})
          ->type_name("NAME");
  command
      ->add_flag("--writable", given->writable,
                 "Mount writable on an overlay; 'umount' discards written data")
      ->excludes(journal);
  command->add_option("-t", given->fstype, "Type of the file system, if it is not detected")
      ->type_name("TYPE");
  command->add_flag("--allow-any-owner", given->allows_any_owner,
                    "Mount below directories of other users, who can replace them");
  command->add_flag("--unless-mounted", given->unless_mounted)->group("");  // for mount.ploopu
  add_backend_option(*command, given->request);
  add_overlay_options(*command, given->request);
  add_strict_option(*command, given->request);
  add_dry_run_option(*command, given->dry_run);
  command->callback([given, &action] {
    action = [given](Context& context) { return run_mount(context, *given); };
  });
}

}  // namespace ploopu::cmd
