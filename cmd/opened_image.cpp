// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/opened_image.hpp"

#include <utility>

namespace ploopu::cmd {

std::vector<std::string> OpenedImage::warnings() const {
  std::vector<std::string> all = image.warnings;
  all.insert(all.end(), layout.warnings.begin(), layout.warnings.end());
  return all;
}

void add_allow_outside_option(CLI::App& command, bool& allow_outside) {
  command.add_flag("--allow-outside", allow_outside,
                   "Read files outside of the image's directory, too, if it names some");
}

void add_image_options(CLI::App& command, ImageChoice& choice) {
  command.add_option("IMAGE", choice.image, "Container ID, or path of an image")
      ->required()
      ->type_name("");
  command
      .add_option("-s,--snapshot", choice.snapshot,
                  "An older state: GUID, the beginning of one, base or top")
      ->type_name("GUID");
  add_allow_outside_option(command, choice.allow_outside);
}

Result<ImageLocation> locate_named(const Context& context, const ImageChoice& choice) {
  PLOOPU_TRY(auto location, locate_image(context.files, context.options.root, choice.image));
  location.allow_outside = choice.allow_outside;
  return location;
}

Result<Image> open_named(const Context& context, const ImageChoice& choice) {
  PLOOPU_TRY(auto location, locate_named(context, choice));
  return open_image(context.files, std::move(location), choice.snapshot);
}

Result<OpenedImage> open_and_probe(const Context& context, const ImageChoice& choice) {
  PLOOPU_TRY(auto opened, open_named(context, choice));
  PLOOPU_TRY(auto layout, context.prober.probe(opened.disk));
  return OpenedImage{std::move(opened), std::move(layout)};
}

}  // namespace ploopu::cmd
