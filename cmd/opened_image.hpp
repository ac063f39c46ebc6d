// SPDX-License-Identifier: GPL-2.0-or-later
// The first step of info, map, attach and mount.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cmd/context.hpp"
#include "core/image.hpp"
#include "core/locate.hpp"
#include "core/partitions.hpp"

namespace ploopu::cmd {

struct OpenedImage {
  Image image;
  DiskLayout layout;

  [[nodiscard]] std::vector<std::string> warnings() const;
};

// What the user called an image, and which of its states is meant.
struct ImageChoice {
  std::string image;
  std::string snapshot;
  bool allow_outside = false;
};

void add_allow_outside_option(CLI::App& command, bool& allow_outside);

// IMAGE, -s and --allow-outside.
void add_image_options(CLI::App& command, ImageChoice& choice);

// Finds it.
[[nodiscard]] Result<ImageLocation> locate_named(const Context& context, const ImageChoice& choice);

// Finds and opens it.
[[nodiscard]] Result<Image> open_named(const Context& context, const ImageChoice& choice);

// Finds, opens and probes it.
[[nodiscard]] Result<OpenedImage> open_and_probe(const Context& context, const ImageChoice& choice);

}  // namespace ploopu::cmd
