// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/steps/attach_options.hpp"

#include <filesystem>

#include <CLI/CLI.hpp>

#include "cmd/cli/word_option.hpp"
#include "core/attach/backend_rules.hpp"
#include "core/base/list.hpp"

namespace ploopu::cmd {
namespace {

Json partitions_json(const OpenedImage& opened, const Attachment& attachment) {
  Json array = Json::array();
  for (const auto& partition : opened.layout.partitions) {
    Json entry = partition_json(partition);
    for (const auto& attached : attachment.partitions) {
      if (attached.number == partition.number) entry["device"] = text(attached.device);
    }
    array.push_back(std::move(entry));
  }
  return array;
}

template <class T>
Result<T> point_to_doctor(Result<T> result) {
  if (!result && result.error().kind == ErrorKind::missing_kernel_part) {
    result.error().message += " ('ploopu doctor' tells what can be done)";
  }
  return result;
}

}  // namespace

void add_backend_option(CLI::App& command, AttachRequest& request) {
  add_choice(command, "--backend", request.backend, "How to serve the disk: " + any_backend(),
             backend_words())
      ->type_name("NAME");
}

void add_strict_option(CLI::App& command, AttachRequest& request) {
  command.add_flag("--strict", request.is_strict,
                   "Once the image was written to while it is attached, all reads are errors");
}

CLI::Option* add_overlay_options(CLI::App& command, AttachRequest& request) {
  OverlayRequest& overlay = request.overlay;
  CLI::Option* directory =
      command
          .add_option("--overlay-dir", overlay.directory,
                      "Where the scratch file is that takes what is written (/var/tmp)")
          ->type_name("DIR");
  command
      .add_option("--overlay-file", overlay.file,
                  "Keep what is written in this file, to go on with it later")
      ->type_name("FILE")
      ->excludes(directory);
  command
      .add_option("--overlay-size", overlay.limit,
                  "How much of it is kept at most (half of what is free there)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->check(CLI::Range(uint64_t{1} << 20, uint64_t{1} << 60).description(""));
  return directory;
}

Result<std::unique_ptr<OverlayView>> look_through_overlay(const Context& context,
                                                          OpenedImage& opened,
                                                          OverlayRequest& request) {
  if (request.file.empty()) return nullptr;
  request.file = std::filesystem::absolute(request.file).lexically_normal();
  request.wanted = true;
  PLOOPU_TRY(auto view, context.attachments.view_overlay(opened.image, request.file));
  if (view) {
    PLOOPU_TRY(opened.layout, context.prober.probe(view->view()));
  }
  return view;
}

Result<void> refuse_exposed(const Context& context, const Image& image) {
  if (image.writable_by_others.empty() || !context.attachments.is_privileged()) return {};
  const std::string& directory = image.writable_by_others.front();
  return fail(ErrorKind::damaged,
              "{}: everybody may write to {}, and so replace the image: refused for root; "
              "'chmod o-w' that directory",
              image.location.path, directory);
}

Result<AttachOutcome> attach(Context& context, const OpenedImage& opened,
                             const AttachRequest& request) {
  return point_to_doctor(context.attachments.attach(opened.image, opened.layout, request));
}

Result<AttachPlan> plan_attach(Context& context, const OpenedImage& opened,
                               const AttachRequest& request) {
  return point_to_doctor(context.attachments.plan(opened.image, opened.layout, request));
}

std::vector<std::string> notes_of(const AttachOutcome& outcome) {
  auto notes = outcome.notes;
  if (outcome.already_attached) {
    const char* overlay = !outcome.attachment.overlay_file.empty() ? ", with its overlay file"
                          : outcome.attachment.has_overlay
                              ? ", with an overlay that may have been written to"
                              : "";
    notes.push_back(fmt::format("{}: was attached already, as {}{}", outcome.attachment.image,
                                outcome.attachment.device, overlay));
  }
  return notes;
}

Result<void> keep_if_told(const Context& context, const AttachOutcome& outcome) {
  if (context.out.flush() || outcome.already_attached) return {};
  const std::string& device = outcome.attachment.device;
  auto undone = context.attachments.detach(outcome.attachment, {});
  if (!undone) return tl::unexpected<Error>(std::move(undone).error());
  return fail(ErrorKind::failed, "writing to standard output failed: {} was detached again",
              device);
}

Json attachment_json(const OpenedImage& opened, const AttachOutcome& outcome,
                     const std::vector<std::string>& more_warnings) {
  const Attachment& attachment = outcome.attachment;
  Json document = new_document();
  document["image"] = text(attachment.image);
  if (attachment.ctid) document["ctid"] = *attachment.ctid;
  if (attachment.snapshot) document["snapshot"] = *attachment.snapshot;
  document["device"] = text(attachment.device);
  document["backend"] = attachment.backend;
  document["partitions"] = partitions_json(opened, attachment);
  document["strict"] = attachment.is_strict;
  document["read_only"] = !attachment.has_overlay;
  document["overlay"] = attachment.has_overlay;
  if (!attachment.overlay_file.empty()) document["overlay_file"] = text(attachment.overlay_file);
  auto warnings = opened.warnings();
  append(warnings, notes_of(outcome));
  append(warnings, more_warnings);
  document["warnings"] = texts(warnings);
  return document;
}

}  // namespace ploopu::cmd
