// SPDX-License-Identifier: GPL-2.0-or-later
// Finds and opens the image that the user named: the first step of all verbs that read an image.
//     add_image_options(command, choice);                              // while declaring the verb
//     PLOOPU_TRY(const auto opened, open_and_probe(context, choice));  // while running it
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

// The image and the state of it that the user chose. Strings are empty if not given.
struct ImageChoice {
  std::string image;
  std::string disk;
  std::string snapshot;
  bool allow_outside = false;
  bool live = false;  // open the image even if something else may change it
};

// If the image is in use, verbs that only show facts about it warn, and verbs that read its data
// refuse it.
enum class ImageAccess { shows, reads };

void add_allow_outside_option(CLI::App& command, bool& allow_outside);

// The add_...() functions add options to `command`. `choice` must outlive the parsing of the
// command line.

// Adds IMAGE and --disk.
void add_image_argument(CLI::App& command, ImageChoice& choice);

// Adds IMAGE, --disk, -s and --allow-outside; for verbs that read the data also --live.
void add_image_options(CLI::App& command, ImageChoice& choice,
                       ImageAccess access = ImageAccess::reads);

// Finds the image without opening it. Fails as locate_image() does.
[[nodiscard]] Result<ImageLocation> locate_named(const Context& context, const ImageChoice& choice);

// Warnings about other users of an image. `image` is nullptr for an image that can't be opened.
[[nodiscard]] std::vector<std::string> warnings_of_use(const Context& context,
                                                       const ImageLocation& location,
                                                       const Image* image);

// Finds and opens the image, and runs `look` on it. ErrorKind::busy while something else may change
// the image, unless choice.live is set.
[[nodiscard]] Result<Image> open_named(const Context& context, const ImageChoice& choice,
                                       const Look& look = {});

// A Look that finds partitions and file systems. `context` must outlive it.
[[nodiscard]] Look probing(const Context& context);
// The result of probing() for an image that was opened with it. ErrorKind::damaged if the result is
// invalid.
[[nodiscard]] Result<DiskLayout> probed_layout(const Image& image);

// Finds and opens the image, and finds its partitions and file systems.
[[nodiscard]] Result<OpenedImage> open_and_probe(const Context& context, const ImageChoice& choice);

// For commands that show the disk to a kernel: keeps in memory the sectors that the checks have
// read, and serves them from there, so that the kernel sees what was checked. ErrorKind::busy if
// the image changes meanwhile.
[[nodiscard]] Result<void> hold_checked(const Context& context, OpenedImage& opened);

}  // namespace ploopu::cmd
