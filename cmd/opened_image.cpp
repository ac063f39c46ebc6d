// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/opened_image.hpp"

#include <utility>

#include "core/locate.hpp"

namespace ploopu::cmd {

std::vector<std::string> OpenedImage::warnings() const {
  std::vector<std::string> all = image.warnings;
  all.insert(all.end(), layout.warnings.begin(), layout.warnings.end());
  return all;
}

Result<Image> open_named(const Context& context, const std::string& image) {
  PLOOPU_TRY(auto location, locate_image(context.files, context.options.root, image));
  return open_image(context.files, std::move(location));
}

Result<OpenedImage> open_and_probe(const Context& context, const std::string& image) {
  PLOOPU_TRY(auto opened, open_named(context, image));
  PLOOPU_TRY(auto layout, context.prober.probe(opened.disk));
  return OpenedImage{std::move(opened), std::move(layout)};
}

}  // namespace ploopu::cmd
