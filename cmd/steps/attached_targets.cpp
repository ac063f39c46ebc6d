// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/steps/attached_targets.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <CLI/CLI.hpp>

#include "core/base/list.hpp"
#include "core/find/locate.hpp"
#include "core/format/disk_descriptor.hpp"
#include "core/vz/container_name.hpp"
#include "core/vz/private_area.hpp"

namespace ploopu::cmd {
namespace {

bool has_node(const Attachment& attachment, const std::string& path) {
  return attachment.device == path || contains(attachment.other_nodes, path) ||
         std::any_of(attachment.partitions.begin(), attachment.partitions.end(),
                     [&](const AttachedPartition& p) { return p.device == path; });
}

// Compares with the name that the image had when it was attached: the file may be gone by now.
bool is_image(const Attachment& attachment, const std::string& path) {
  const std::string descriptor = std::string("/") + kDescriptorName;
  return attachment.image == path || attachment.newest_delta == path ||
         attachment.image == path + descriptor ||
         attachment.image == path + "/root.hdd" + descriptor;
}

// Finds one attachment for a device or mount point, and all attached states for an image.
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
  // Finds a mount point after an interrupted unmount: repeating the command finishes it.
  for (const auto& attachment : attachments) {
    if (contains(attachment.former_mountpoints, path)) return {{attachment, path}};
  }
  return {};
}

// Finds all disks of a container, in every state that is attached.
std::vector<Target> find_disks_of(const Context& context,
                                  const std::vector<Attachment>& attachments,
                                  const std::string& ctid) {
  std::vector<Target> targets;
  for (const auto& attachment : attachments) {
    if (attachment.ctid == ctid && attachment.root == context.options.root) {
      targets.push_back({attachment, std::nullopt});
    }
  }
  // The disk may have been attached by its path instead.
  const auto add_by_path = [&](const std::string& path) {
    for (auto& target : find_path(attachments, path)) {
      const bool is_new = std::none_of(targets.begin(), targets.end(), [&](const Target& known) {
        return known.attachment.id == target.attachment.id;
      });
      if (is_new) targets.push_back(std::move(target));
    }
  };
  const auto locate = [&](const std::string& disk) {
    return locate_image(*context.tree, ctid, disk);
  };
  if (const auto root_disk = locate("")) {
    add_by_path(root_disk->path);
    for (const auto& disk : root_disk->disks) {
      if (const auto further = locate(disk.uuid)) add_by_path(further->path);
    }
  }
  return targets;
}

// The CTID for a word without a slash; nothing if the word is no container. An ID need not exist
// any more: the disk of a deleted container can still be detached. Fails with ErrorKind::usage for
// an ambiguous name.
Result<std::optional<std::string>> container_meant(const Context& context,
                                                   const std::string& word) {
  const auto ctid = parse_ctid(word);
  if (!ctid && !is_container_name(word)) return std::nullopt;
  const auto found = find_container(*context.tree, word);
  if (found) return *found ? std::optional((*found)->ctid) : std::nullopt;
  if (found.error().kind == ErrorKind::usage) return tl::unexpected<Error>(found.error());
  return ctid;
}

// The word as an absolute path, without a system call that may hang: the target may be on a server
// that no longer answers. Nothing for a path with "..", which needs the file system.
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
  return fail(kind, "{}: {}; only root sees and detaches images attached by root", word, why);
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
                "{}: {} was mounted there by another program: unmount it with umount", word,
                attachment.device);
  }
  return not_attached(
      context, word, "not attached or mounted by ploopu",
      resolved.type == PathType::other ? ErrorKind::not_permitted : ErrorKind::not_found);
}

Result<std::vector<Target>> find_target(const Context& context,
                                        const std::vector<Attachment>& attachments,
                                        const std::string& word) {
  PLOOPU_TRY(const auto ctid, container_meant(context, word));
  // A word that can't be a container may be a mount point in the working directory.
  if (!ctid) return find_target_by_path(context, attachments, word);
  if (auto targets = find_disks_of(context, attachments, *ctid); !targets.empty()) return targets;
  if (!parse_ctid(word)) {
    if (auto targets = find_target_by_path(context, attachments, word)) return targets;
  }
  for (const auto& attachment : attachments) {
    if (attachment.ctid != ctid) continue;
    return fail(ErrorKind::not_found,
                "{}: is attached as {} with --root {}: repeat that option, or name the device",
                word, attachment.device, attachment.root);
  }
  const std::string root =
      context.options.root == "/" ? "" : fmt::format(" with --root {}", context.options.root);
  return not_attached(context, word, "this container is not attached" + root, ErrorKind::not_found);
}

}  // namespace

void add_targets(CLI::App& command, TargetChoice& choice) {
  command
      .add_option("TARGET", choice.words,
                  "Device, mount point, container ID or name, or image path")
      ->type_name("");
  command.add_flag("--all", choice.all, "All attached images");
}

Result<std::vector<Target>> find_targets(const Context& context, const TargetChoice& choice) {
  if (choice.all && !choice.words.empty()) {
    return fail(ErrorKind::usage, "--all: give either targets or --all");
  }
  if (!choice.all && choice.words.empty()) {
    return fail(ErrorKind::usage,
                "no target given: name a device, mount point or image, or use --all");
  }
  PLOOPU_TRY(const auto attachments, context.attachments.list());
  std::vector<Target> targets;
  for (const auto& word : choice.words) {
    PLOOPU_TRY(auto found, find_target(context, attachments, word));
    append(targets, std::move(found));
  }
  if (choice.all) {
    for (const auto& attachment : attachments) targets.push_back({attachment, std::nullopt});
  }
  return targets;
}

Result<void> all_of(const std::vector<Error>& failures) {
  if (failures.empty()) return {};
  Error failure = failures.front();
  for (size_t i = 1; i < failures.size(); ++i) failure.message += "; " + failures[i].message;
  return tl::unexpected<Error>(std::move(failure));
}

}  // namespace ploopu::cmd
