// SPDX-License-Identifier: GPL-2.0-or-later
// Looks at the paths of attached images for changes since their files were opened.
#pragma once

#include <vector>

#include "core/disk/image_state.hpp"

namespace ploopu {

struct AskedImage {
  const ImageState& then;
  bool is_strict = false;  // once it was written to, it isn't served any more
};

// The changes of each image, in their order. Storage that doesn't answer is waited for, for at most
// two seconds an image.
[[nodiscard]] std::vector<ImageChanges> find_changes(const std::vector<AskedImage>& images);

}  // namespace ploopu
