// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/steps/open_image.hpp"

#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/base/list.hpp"
#include "core/find/image_use.hpp"
#include "core/find/locate.hpp"
#include "core/volume/checked_sectors.hpp"

namespace ploopu::cmd {
std::vector<std::string> OpenedImage::warnings() const {
  std::vector<std::string> all = image.warnings;
  append(all, layout.warnings);
  return all;
}

void add_allow_outside_option(CLI::App& command, bool& allow_outside) {
  command.add_flag("--allow-outside", allow_outside,
                   "Also read files outside of the image's directory if the image refers to them");
}

void add_image_argument(CLI::App& command, ImageChoice& choice) {
  command.add_option("IMAGE", choice.image, "Container ID or name, or path of an image")
      ->required()
      ->type_name("");
  command
      .add_option(
          "--disk", choice.disk,
          "Another disk of the container: its number, its GUID or the beginning of it, or 'root'")
      ->type_name("DISK");
}

void add_image_options(CLI::App& command, ImageChoice& choice, ImageAccess access) {
  add_image_argument(command, choice);
  command
      .add_option("-s,--snapshot", choice.snapshot,
                  "Snapshot: its GUID or the beginning of it, 'base', or 'top' for the live state")
      ->type_name("GUID");
  add_allow_outside_option(command, choice.allow_outside);
  choice.live = access == ImageAccess::shows;
  if (access == ImageAccess::reads) {
    command.add_flag("--live", choice.live, "Read the image even if something else may change it");
  }
}

Result<ImageLocation> locate_named(const Context& context, const ImageChoice& choice) {
  PLOOPU_TRY(auto location, locate_image(*context.tree, choice.image, choice.disk));
  location.allow_outside = choice.allow_outside;
  return location;
}

std::vector<std::string> warnings_of_use(const Context& context, const ImageLocation& location,
                                         const Image* image) {
  auto uses = find_uses(*context.tree, context.image_uses, location);
  if (image != nullptr) append(uses, context.image_uses.of_disk(image->disk));
  return warnings_of(location.path, judge_uses(uses, image == nullptr || !image->snapshot));
}

Result<Image> open_named(const Context& context, const ImageChoice& choice, const Look& look) {
  PLOOPU_TRY(auto location, locate_named(context, choice));
  auto uses = find_uses(*context.tree, context.image_uses, location);
  const std::string path = location.path;
  auto image = open_image(*context.tree, std::move(location), choice.snapshot, look);
  if (image) append(uses, context.image_uses.of_disk(image->disk));
  const auto verdict = judge_uses(uses, !image || !image->snapshot);
  if (!choice.live) PLOOPU_CHECK(check_not_in_use(path, verdict));
  if (image) append(image->warnings, warnings_of(path, verdict));
  return image;
}

Look probing(const Context& context) {
  return [&context](const Disk& disk) {
    return encode_answer<DiskLayout>(context.prober.probe(disk));
  };
}

Result<DiskLayout> probed_layout(const Image& image) {
  PLOOPU_TRY(auto layout, decode_answer<DiskLayout>(image.looked, image.disk.name()));
  PLOOPU_CHECK(check_layout(layout, image.disk));
  return layout;
}

Result<OpenedImage> open_and_probe(const Context& context, const ImageChoice& choice) {
  PLOOPU_TRY(auto opened, open_named(context, choice, probing(context)));
  PLOOPU_TRY(auto layout, probed_layout(opened));
  return OpenedImage{std::move(opened), std::move(layout)};
}

Result<void> hold_checked(const Context& context, OpenedImage& opened) {
  PLOOPU_CHECK(hold_checked_sectors(context.files, opened.layout, opened.image.disk));
  PLOOPU_TRY(auto layout, context.prober.probe(opened.image.disk));
  PLOOPU_CHECK(check_same_layout(opened.layout, layout, opened.image.disk.name()));
  opened.layout = std::move(layout);
  return {};
}

}  // namespace ploopu::cmd
