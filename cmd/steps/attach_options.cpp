// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/steps/attach_options.hpp"

#include <filesystem>

#include <CLI/CLI.hpp>

#include "cmd/cli/word_option.hpp"
#include "core/attach/backend_rules.hpp"
#include "core/base/list.hpp"
#include "core/base/text.hpp"

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

// Replaces a size such as "20G" by its bytes. Returns an error message, or "" on success.
std::string to_bytes(std::string& word) {
  const std::string typed = word;
  try {
    static_cast<void>(CLI::AsSizeValue(false)(word));
  } catch (const CLI::ValidationError&) {
    return fmt::format("'{}' is not a size: use a number with K, M, G or T", typed);
  }
  const uint64_t bytes = parse_number(word).value_or(0);
  if (bytes < uint64_t{1} << 20) {
    return fmt::format("'{}' is too small: use at least 1M", typed);
  }
  return bytes > uint64_t{1} << 60 ? fmt::format("'{}' is too large: use at most 1E", typed) : "";
}

template <class T>
Result<T> point_to_doctor(Result<T> result) {
  if (!result && result.error().kind == ErrorKind::missing_kernel_part) {
    result.error().message += " (see 'ploopu doctor')";
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
                   "After a write to the image, let all reads fail that the server must answer");
}

CLI::Option* add_overlay_options(CLI::App& command, AttachRequest& request) {
  OverlayRequest& overlay = request.overlay;
  CLI::Option* directory =
      command
          .add_option("--overlay-dir", overlay.directory,
                      "Directory of the scratch file for written data (default: /var/tmp)")
          ->type_name("DIR");
  command
      .add_option("--overlay-file", overlay.file,
                  "Keep written data in FILE, which a later attach or mount can use again")
      ->type_name("FILE")
      ->excludes(directory);
  command
      .add_option("--overlay-size", overlay.limit,
                  "Limit of written data, such as 20G (default: half of the free space)")
      ->type_name("SIZE")
      ->transform(CLI::Validator(to_bytes, ""));
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
              "{}: everybody may write to {} and replace the image: refused for root; run 'chmod "
              "o-w' on that directory",
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
                              ? ", with an overlay that may contain written data"
                              : "";
    notes.push_back(fmt::format("{}: is already attached as {}{}", outcome.attachment.image,
                                outcome.attachment.device, overlay));
  }
  return notes;
}

Result<void> keep_if_told(const Context& context, const AttachOutcome& outcome) {
  if (context.out.flush() || outcome.already_attached) return {};
  const std::string& device = outcome.attachment.device;
  auto undone = context.attachments.detach(outcome.attachment, {});
  if (!undone) return tl::unexpected<Error>(std::move(undone).error());
  return fail(ErrorKind::failed, "cannot write to standard output: {} was detached again", device);
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
