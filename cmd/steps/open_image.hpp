// SPDX-License-Identifier: GPL-2.0-or-later
// The first step of info, map, attach and mount.
#pragma once

#include <string>
#include <vector>

#include "cmd/cli/context.hpp"
#include "core/disk/image.hpp"
#include "core/disk/image_location.hpp"
#include "core/volume/partitions.hpp"

namespace CLI {
class App;
}

namespace ploopu::cmd {

struct OpenedImage {
  Image image;
  DiskLayout layout;

  [[nodiscard]] std::vector<std::string> warnings() const;
};

// The user's name for an image, and which of its states is meant.
struct ImageChoice {
  std::string image;
  std::string disk;
  std::string snapshot;
  bool allow_outside = false;
  bool live = false;  // read it even while something else changes it
};

// Commands that only show what an image is warn where others refuse an image in use.
enum class ImageAccess { shows, reads };

void add_allow_outside_option(CLI::App& command, bool& allow_outside);

// IMAGE and --disk.
void add_image_argument(CLI::App& command, ImageChoice& choice);

// IMAGE, --disk, -s and --allow-outside; for commands that read the image also --live.
void add_image_options(CLI::App& command, ImageChoice& choice,
                       ImageAccess access = ImageAccess::reads);

// Finds the image.
[[nodiscard]] Result<ImageLocation> locate_named(const Context& context, const ImageChoice& choice);

// Warnings of what else uses an image. `image` is nullptr for an image that can't be opened.
[[nodiscard]] std::vector<std::string> warnings_of_use(const Context& context,
                                                       const ImageLocation& location,
                                                       const Image* image);

// Finds and opens the image. ErrorKind::busy while something else changes it, unless that was
// allowed.
[[nodiscard]] Result<Image> open_named(const Context& context, const ImageChoice& choice,
                                       const Look& look = {});

// A look for partitions and file systems, and what an image was found to have by it.
[[nodiscard]] Look probing(const Context& context);
[[nodiscard]] Result<DiskLayout> probed_layout(const Image& image);

// Finds, opens and probes it.
[[nodiscard]] Result<OpenedImage> open_and_probe(const Context& context, const ImageChoice& choice);

// Has what was checked of an opened image, and is checked from now on, served from memory: for
// commands that show the disk to a kernel. ErrorKind::busy where the image changes meanwhile.
[[nodiscard]] Result<void> hold_checked(const Context& context, OpenedImage& opened);

}  // namespace ploopu::cmd
