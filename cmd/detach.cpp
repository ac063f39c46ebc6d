// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu detach, also called umount: unmount what ploopu mounted, free the device, end the server.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "cmd/commands.hpp"
#include "cmd/json.hpp"
#include "core/container.hpp"
#include "core/disk_descriptor.hpp"
#include "core/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kFooter[] =
    "\nA device that something else uses is left alone, and you are told what uses it. A mount\n"
    "point frees the device too, unless ploopu mounted it elsewhere as well.\n"
    "\nExamples:\n"
    "  ploopu umount /mnt\n"
    "  ploopu detach /dev/nbd0 101\n"
    "  ploopu detach --all\n";

struct DetachOptions {
  std::vector<std::string> targets;
  bool all = false;
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
  return attachment.device == path ||
         std::any_of(attachment.partitions.begin(), attachment.partitions.end(),
                     [&](const AttachedPartition& p) { return p.device == path; });
}

// The image may be gone by now: what it was called when it was attached is enough.
bool is_image(const Attachment& attachment, const std::string& path) {
  const std::string descriptor = std::string("/") + kDescriptorName;
  return attachment.image == path || attachment.image == path + descriptor ||
         attachment.image == path + "/root.hdd" + descriptor;
}

Result<Target> find_target(const Context& context, const std::vector<Attachment>& attachments,
                           const std::string& word) {
  // A name that can't be a container's may be that of a mount point in the working directory.
  if (const auto ctid = parse_ctid(word)) {
    for (const auto& attachment : attachments) {
      if (attachment.ctid == ctid && attachment.root == context.options.root) {
        return Target{attachment, std::nullopt};
      }
    }
    return fail(ErrorKind::not_found, "no container {} is attached{}", word,
                context.options.root == "/" ? "" : " under " + context.options.root);
  }
  PLOOPU_TRY(const auto resolved, context.files.resolve("/", word));
  const std::string path = resolved.type == PathType::missing
                               ? std::filesystem::absolute(word).lexically_normal().string()
                               : resolved.path;
  for (const auto& attachment : attachments) {
    if (contains(attachment.ploopu_mountpoints, path)) return Target{attachment, path};
    if (has_node(attachment, path) || is_image(attachment, path)) {
      return Target{attachment, std::nullopt};
    }
  }
  return fail(ErrorKind::not_found, "{}: nothing that ploopu attached or mounted", word);
}

// What was taken down, for JSON.
Result<Json> take_down(Context& context, const Target& target) {
  const Attachment& attachment = target.attachment;
  Json result = {{"image", text(attachment.image)},
                 {"device", text(attachment.device)},
                 {"unmounted", Json::array()},
                 {"detached", true}};
  if (target.mountpoint && attachment.ploopu_mountpoints.size() > 1) {
    PLOOPU_CHECK(context.attachments.unmount(attachment, *target.mountpoint));
    context.note({fmt::format("{}: unmounted; {} stays, it is mounted elsewhere, too",
                              *target.mountpoint, attachment.device)});
    result["unmounted"] = texts({*target.mountpoint});
    result["detached"] = false;
    return result;
  }
  PLOOPU_CHECK(context.attachments.detach(attachment));
  context.tell(fmt::format("{}: detached from {}", attachment.image, attachment.device));
  result["unmounted"] = texts(attachment.ploopu_mountpoints);
  return result;
}

Result<std::vector<Target>> find_targets(Context& context, const DetachOptions& options) {
  PLOOPU_TRY(const auto attachments, context.attachments.list());
  std::vector<Target> targets;
  for (const auto& word : options.targets) {
    PLOOPU_TRY(auto target, find_target(context, attachments, word));
    targets.push_back(std::move(target));
  }
  if (options.all) {
    for (const auto& attachment : attachments) targets.push_back({attachment, std::nullopt});
  }
  return targets;
}

// Goes on after a failure: what can be freed is.
Result<void> run_detach(Context& context, const DetachOptions& options) {
  if (options.all == !options.targets.empty()) {
    return fail(ErrorKind::usage, "name what to detach, or give --all, but not both");
  }
  PLOOPU_TRY(const auto targets, find_targets(context, options));
  Json document = new_document();
  document["targets"] = Json::array();
  std::optional<Error> failure;
  for (const auto& target : targets) {
    if (auto done = take_down(context, target); done) {
      document["targets"].push_back(*std::move(done));
    } else if (failure) {
      failure->message += "; " + done.error().message;
    } else {
      failure = std::move(done).error();
    }
  }
  if (failure) return tl::unexpected<Error>(*std::move(failure));
  if (context.options.json) context.out << document.dump(2) << '\n';
  return {};
}

}  // namespace

void declare_detach(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("detach", "Unmount and let go of images (also: umount)");
  command->alias("umount");
  command->footer(kFooter);
  auto options = std::make_shared<DetachOptions>();
  command->add_option("TARGET", options->targets, "Device, mount point, container ID or image path")
      ->type_name("");
  command->add_flag("--all", options->all, "Everything that is attached");
  command->callback([options, &action] {
    action = [options](Context& context) { return run_detach(context, *options); };
  });
}

}  // namespace ploopu::cmd
