// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu detach, also called umount: unmount what ploopu mounted, free the device, end the server.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "cmd/commands.hpp"
#include "cmd/json.hpp"
#include "core/container.hpp"
#include "core/container_name.hpp"
#include "core/disk_descriptor.hpp"
#include "core/locate.hpp"
#include "core/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kFooter[] =
    "\nA device that something else uses is left alone, and you are told what uses it. A mount\n"
    "point frees the device too, unless ploopu mounted it elsewhere as well. If one target is\n"
    "unknown, nothing is done.\n"
    "\nExamples:\n"
    "  ploopu umount /mnt\n"
    "  ploopu detach /dev/nbd0 101\n"
    "  ploopu detach --all\n"
    "  ploopu detach --force /dev/nbd0   its servers are dead, and readers wait for them\n";

struct DetachOptions {
  std::vector<std::string> targets;
  bool all = false;
  bool force = false;
};

// What a target means: an attachment, and one of its mount points if it was named by that.
struct Target {
  Attachment attachment;
  std::optional<std::string> mountpoint;
};

bool contains(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool has_node(const Attachment& attachment, const std::string& path) {
  return attachment.device == path || contains(attachment.other_nodes, path) ||
         std::any_of(attachment.partitions.begin(), attachment.partitions.end(),
                     [&](const AttachedPartition& p) { return p.device == path; });
}

// The image may be gone by now: what it was called when it was attached is enough.
bool is_image(const Attachment& attachment, const std::string& path) {
  const std::string descriptor = std::string("/") + kDescriptorName;
  return attachment.image == path || attachment.newest_delta == path ||
         attachment.image == path + descriptor ||
         attachment.image == path + "/root.hdd" + descriptor;
}

// A device or mount point is one attachment; an image is every state of it that is attached.
std::vector<Target> find_path(const std::vector<Attachment>& attachments, const std::string& path) {
  for (const auto& attachment : attachments) {
    if (contains(attachment.ploopu_mountpoints, path)) return {{attachment, path}};
    if (has_node(attachment, path)) return {{attachment, std::nullopt}};
  }
  std::vector<Target> targets;
  for (const auto& attachment : attachments) {
    if (is_image(attachment, path)) targets.push_back({attachment, std::nullopt});
  }
  if (!targets.empty()) return targets;
  // An unmount that was interrupted is finished by repeating it.
  for (const auto& attachment : attachments) {
    if (contains(attachment.former_mountpoints, path)) return {{attachment, path}};
  }
  return {};
}

// All disks of a container, in every state that is attached.
std::vector<Target> find_disks_of(const Context& context,
                                  const std::vector<Attachment>& attachments,
                                  const std::string& ctid) {
  std::vector<Target> targets;
  for (const auto& attachment : attachments) {
    if (attachment.ctid == ctid && attachment.root == context.options.root) {
      targets.push_back({attachment, std::nullopt});
    }
  }
  // Or it was attached by its path.
  const auto add_by_path = [&](const std::string& path) {
    for (auto& target : find_path(attachments, path)) {
      const bool is_new = std::none_of(targets.begin(), targets.end(), [&](const Target& known) {
        return known.attachment.id == target.attachment.id;
      });
      if (is_new) targets.push_back(std::move(target));
    }
  };
  const auto locate = [&](const std::string& disk) {
    return locate_image(context.files, context.options.root, ctid, disk);
  };
  if (const auto root_disk = locate("")) {
    add_by_path(root_disk->path);
    for (const auto& disk : root_disk->disks) {
      if (const auto further = locate(disk.uuid)) add_by_path(further->path);
    }
  }
  return targets;
}

// The container that a word without a slash stands for. One that is gone can still be detached by
// its ID.
Result<std::optional<std::string>> container_meant(const Context& context,
                                                   const std::string& word) {
  const auto ctid = parse_ctid(word);
  if (!ctid && !is_container_name(word)) return std::nullopt;
  const auto found = find_container(context.files, context.options.root, word);
  if (found) return *found ? std::optional((*found)->ctid) : std::nullopt;
  if (found.error().kind == ErrorKind::usage) return tl::unexpected<Error>(found.error());
  return ctid;
}

// The word as an absolute path, if that can be told without asking the file system: what is to be
// detached may lie on a server that doesn't answer any more.
std::optional<std::string> literal_path(const std::string& word) {
  const std::filesystem::path path(word);
  if (std::find(path.begin(), path.end(), "..") != path.end()) return std::nullopt;
  std::string text = std::filesystem::absolute(path).lexically_normal();
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

tl::unexpected<Error> not_attached(const Context& context, const std::string& word,
                                   const std::string& why, ErrorKind kind) {
  if (context.attachments.is_privileged()) return fail(ErrorKind::not_found, "{}: {}", word, why);
  return fail(kind, "{}: {}; what root attached, only root sees and detaches", word, why);
}

Result<std::vector<Target>> find_target_by_path(const Context& context,
                                                const std::vector<Attachment>& attachments,
                                                const std::string& word) {
  if (const auto literal = literal_path(word)) {
    if (auto targets = find_path(attachments, *literal); !targets.empty()) return targets;
  }
  PLOOPU_TRY(const auto resolved, context.files.resolve("/", word));
  if (auto targets = find_path(attachments, resolved.path); !targets.empty()) return targets;
  for (const auto& attachment : attachments) {
    if (!contains(attachment.mountpoints, resolved.path)) continue;
    return fail(ErrorKind::not_found,
                "{}: {} is mounted there, but not by ploopu: unmount it with umount", word,
                attachment.device);
  }
  return not_attached(
      context, word, "nothing that ploopu attached or mounted",
      resolved.type == PathType::other ? ErrorKind::not_permitted : ErrorKind::not_found);
}

Result<std::vector<Target>> find_target(const Context& context,
                                        const std::vector<Attachment>& attachments,
                                        const std::string& word) {
  PLOOPU_TRY(const auto ctid, container_meant(context, word));
  // What can't be a container may be a mount point in the working directory.
  if (!ctid) return find_target_by_path(context, attachments, word);
  if (auto targets = find_disks_of(context, attachments, *ctid); !targets.empty()) return targets;
  if (!parse_ctid(word)) {
    if (auto targets = find_target_by_path(context, attachments, word)) return targets;
  }
  for (const auto& attachment : attachments) {
    if (attachment.ctid != ctid) continue;
    return fail(ErrorKind::not_found,
                "{}: is attached as {}, but under --root {}: give that, too, or the device", word,
                attachment.device, attachment.root);
  }
  return not_attached(context, word,
                      "no such container is attached" +
                          (context.options.root == "/" ? "" : " under " + context.options.root),
                      ErrorKind::not_found);
}

Result<std::vector<Target>> find_targets(const Context& context, const DetachOptions& options) {
  PLOOPU_TRY(const auto attachments, context.attachments.list());
  std::vector<Target> targets;
  for (const auto& word : options.targets) {
    PLOOPU_TRY(auto found, find_target(context, attachments, word));
    targets.insert(targets.end(), found.begin(), found.end());
  }
  if (options.all) {
    for (const auto& attachment : attachments) targets.push_back({attachment, std::nullopt});
  }
  return targets;
}

// What was taken down, for JSON.
Result<Json> take_down(Context& context, const Target& target, bool force) {
  const Attachment& attachment = target.attachment;
  PLOOPU_TRY(const auto outcome,
             context.attachments.detach(attachment, {target.mountpoint, force}));
  auto warnings = outcome.warnings;
  if (outcome.discarded > 0) {
    warnings.push_back(fmt::format("{}: {} written to its overlay are gone now", attachment.device,
                                   human_size(outcome.discarded)));
  }
  context.warn(warnings);
  if (outcome.detached && !attachment.overlay_file.empty()) {
    context.note({fmt::format("{}: what was written is kept in {}", attachment.device,
                              attachment.overlay_file)});
  }
  if (outcome.detached) {
    context.tell(fmt::format("{}: detached from {}", attachment.image, attachment.device));
  } else {
    context.note({fmt::format("{}: unmounted; {} stays, it is mounted elsewhere, too",
                              *target.mountpoint, attachment.device)});
  }
  return Json{{"image", text(attachment.image)},
              {"device", text(attachment.device)},
              {"unmounted", texts(outcome.unmounted)},
              {"detached", outcome.detached},
              {"warnings", texts(warnings)}};
}

// Goes on after a failure: what can be freed is. One image may lie in another one's mount, so what
// was busy is tried again when something else has gone.
Json take_down_all(Context& context, std::vector<Target> targets, bool force,
                   std::vector<Error>& failures) {
  Json done = Json::array();
  std::set<std::string> gone;
  for (bool progress = true; progress && !targets.empty();) {
    progress = false;
    failures.clear();
    std::vector<Target> again;
    for (const auto& target : targets) {
      if (gone.contains(target.attachment.id)) continue;  // named twice
      auto result = take_down(context, target, force);
      if (!result) {
        failures.push_back(std::move(result).error());
        again.push_back(target);
        continue;
      }
      progress = true;
      if ((*result)["detached"] == true) gone.insert(target.attachment.id);
      done.push_back(*std::move(result));
    }
    targets = std::move(again);
  }
  return done;
}

Result<void> run_detach(Context& context, const DetachOptions& options) {
  if (options.all == !options.targets.empty()) {
    return fail(ErrorKind::usage, "name what to detach, or give --all, but not both");
  }
  PLOOPU_TRY(const auto lock, context.attachments.lock());
  PLOOPU_TRY(auto targets, find_targets(context, options));
  std::vector<Error> failures;
  Json document = new_document();
  document["targets"] = take_down_all(context, std::move(targets), options.force, failures);
  if (context.options.json && (failures.empty() || !document["targets"].empty())) {
    context.out << document.dump(2) << '\n';
  }
  if (failures.empty()) return {};
  Error failure = failures.front();
  for (size_t i = 1; i < failures.size(); ++i) failure.message += "; " + failures[i].message;
  return tl::unexpected<Error>(std::move(failure));
}

}  // namespace

void declare_detach(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("detach", "Unmount and let go of images (also: umount)");
  command->alias("umount");
  command->footer(kFooter);
  auto options = std::make_shared<DetachOptions>();
  command
      ->add_option("TARGET", options->targets,
                   "Device, mount point, container ID or name, or image path")
      ->type_name("");
  command->add_flag("--force", options->force,
                    "Over nbd: at once, even in use; whoever uses it gets errors");
  command->add_flag("--all", options->all, "Everything that is attached");
  command->callback([options, &action] {
    action = [options](Context& context) { return run_detach(context, *options); };
  });
}

}  // namespace ploopu::cmd
