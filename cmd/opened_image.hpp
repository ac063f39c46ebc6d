// SPDX-License-Identifier: GPL-2.0-or-later
// The first step of info, attach and mount.
#pragma once

#include <string>
#include <vector>

#include "cmd/context.hpp"
#include "core/image.hpp"
#include "core/partitions.hpp"

namespace ploopu::cmd {

struct OpenedImage {
  Image image;
  DiskLayout layout;

  [[nodiscard]] std::vector<std::string> warnings() const;
};

// Finds and opens what the user called `image`.
[[nodiscard]] Result<Image> open_named(const Context& context, const std::string& image);

// Finds, opens and probes what the user called `image`.
[[nodiscard]] Result<OpenedImage> open_and_probe(const Context& context, const std::string& image);

}  // namespace ploopu::cmd
