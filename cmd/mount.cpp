// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu mount: attach if needed, and mount one partition read-only.
#include <memory>
#include <optional>
#include <utility>

#include "cmd/attach_options.hpp"
#include "cmd/commands.hpp"
#include "cmd/json.hpp"
#include "cmd/opened_image.hpp"
#include "core/ext_superblock.hpp"
#include "core/mount_options.hpp"
#include "core/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kFooter[] =
    "\nThe mount is read-only, nosuid and nodev. Journals are not replayed yet: of a container "
    "that\n"
    "crashed, the newest changes may be missing, and you are told so.\n"
    "\nExamples:\n"
    "  ploopu mount 101 /mnt\n"
    "  ploopu mount 101 /mnt -o noexec --partition 2\n"
    "  ploopu mount 101 /mnt -s 5d0c1f6c      as it was at that snapshot\n"
    "  ploopu umount /mnt\n";

struct MountOptionsGiven {
  ImageChoice choice;
  std::string directory;
  std::optional<uint32_t> partition;
  std::string options;
  AttachRequest request;
};

struct Mounted {
  AttachOutcome attached;
  Partition partition;
  std::string device;
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
      "the {} journal was not replayed: changes that the container made last may be "
      "missing or half done",
      partition.fstype);
}

// Mounts without replaying a journal. Whether xfs has something to replay only the kernel can
// tell: it then refuses, and is asked again to leave the log alone.
Result<void> mount_partition(Context& context, const Disk& disk, const std::string& extra,
                             Mounted& mounted) {
  const Partition& partition = mounted.partition;
  const bool is_xfs = partition.fstype == "xfs";
  bool dirty = false;
  if (!is_xfs) {
    PLOOPU_TRY(dirty, ext_needs_recovery(disk, partition.start));
  }
  for (bool skip_journal = !is_xfs;; skip_journal = true) {
    PLOOPU_TRY(const auto options, mount_options(partition.fstype, skip_journal, extra));
    const MountRequest request{mounted.device, mounted.directory, partition.fstype, options.text};
    PLOOPU_TRY(const auto outcome, context.attachments.mount(mounted.attached.attachment, request));
    if (outcome == MountOutcome::mounted) {
      mounted.options = options.text;
      mounted.warnings = options.warnings;
      break;
    }
    if (skip_journal) {
      return fail(ErrorKind::damaged, "{}: {} can't be mounted read-only, even without its journal",
                  mounted.device, partition.fstype);
    }
    dirty = true;
  }
  if (dirty) {
    mounted.journal = "skipped";
    mounted.warnings.push_back(skipped_warning(partition));
  }
  return {};
}

Result<Mounted> do_mount(Context& context, const OpenedImage& opened,
                         const MountOptionsGiven& given) {
  Mounted mounted;
  PLOOPU_TRY(mounted.partition,
             choose_partition(opened.layout, given.partition ? &*given.partition : nullptr));
  // Said before anything is attached.
  PLOOPU_TRY(const auto checked, mount_options(mounted.partition.fstype, true, given.options));
  PLOOPU_TRY(const auto directory, context.files.resolve("/", given.directory));
  if (directory.type == PathType::missing) {
    return fail(ErrorKind::not_found, "{}: the mount point does not exist", given.directory);
  }
  mounted.directory = directory.path;
  if (!context.attachments.is_privileged()) {
    return fail(ErrorKind::not_permitted,
                "only root can make a block device and mount it; 'attach --backend fuse --no-loop' "
                "gives a file with the disk's content");
  }
  // One step for everybody else: nobody joins what may be undone below.
  PLOOPU_TRY(const auto lock, context.attachments.lock());
  PLOOPU_CHECK(context.attachments.check_mountpoint(mounted.directory));
  PLOOPU_TRY(mounted.attached,
             context.attachments.attach(opened.image, opened.layout, given.request));
  const Attachment& attachment = mounted.attached.attachment;
  auto done = [&]() -> Result<void> {
    PLOOPU_TRY(mounted.device, node_of(attachment, mounted.partition.number));
    return mount_partition(context, opened.image.disk, given.options, mounted);
  }();
  if (done) return mounted;
  // What was there before stays; what we attached goes again.
  if (!mounted.attached.already_attached) {
    if (auto undone = context.attachments.detach(attachment, std::nullopt); !undone) {
      done.error().message += fmt::format("; and detaching failed: {}", undone.error().message);
    }
  }
  return tl::unexpected<Error>(std::move(done).error());
}

Result<void> run_mount(Context& context, MountOptionsGiven given) {
  given.request.root = context.options.root;
  PLOOPU_TRY(const auto opened, open_and_probe(context, given.choice));
  context.warn(opened.warnings());
  PLOOPU_CHECK(refuse_exposed(context, opened.image));
  PLOOPU_TRY(const auto mounted, do_mount(context, opened, given));
  context.note(notes_of(mounted.attached));
  context.warn(mounted.warnings);
  if (!context.options.json) {
    context.out << escape_bytes(fmt::format("{} ({}, by {}) is mounted read-only on {}",
                                            mounted.device, mounted.partition.fstype,
                                            mounted.attached.attachment.backend, mounted.directory))
                << '\n';
    return keep_if_told(context, mounted.attached);
  }
  Json document = attachment_json(opened, mounted.attached, mounted.warnings);
  document["mountpoint"] = text(mounted.directory);
  document["fstype"] = text(mounted.partition.fstype);
  document["options"] = text(mounted.options);
  document["journal"] = mounted.journal;
  context.out << document.dump(2) << '\n';
  return keep_if_told(context, mounted.attached);
}

}  // namespace

void declare_mount(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("mount", "Mount a partition of an image read-only");
  command->footer(kFooter);
  auto given = std::make_shared<MountOptionsGiven>();
  add_image_options(*command, given->choice);
  command->add_option("DIR", given->directory, "Mount point; it must exist")
      ->required()
      ->type_name("");
  command->add_option("--partition", given->partition, "Partition, if the disk has several")
      ->type_name("N");
  command->add_option("-o", given->options, "Mount options, added after ploopu's own")
      ->type_name("OPTIONS");
  add_backend_option(*command, given->request);
  command->callback([given, &action] {
    action = [given](Context& context) { return run_mount(context, *given); };
  });
}

}  // namespace ploopu::cmd
