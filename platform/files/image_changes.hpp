// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out whether the files of attached images were changed since they were opened.
#pragma once

#include <vector>

#include "core/disk/image_state.hpp"

namespace ploopu {

struct AskedImage {
  const ImageState& then;  // its files when the image was opened; must outlive the call
  bool is_strict = false;  // servers stop serving the image once it was written to
};

// Returns the changes of each image, in the order of `images`. Waits at most 2.3 seconds for
// storage that doesn't answer, however many images lie there; their files count as not answering
// (ETIMEDOUT), and the other images are still checked.
[[nodiscard]] std::vector<ImageChanges> find_changes(const std::vector<AskedImage>& images);

}  // namespace ploopu
