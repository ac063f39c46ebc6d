// SPDX-License-Identifier: GPL-2.0-or-later
// An opened image: the disk, and what is known about the files behind it.
//
//     PLOOPU_TRY(const auto image, open_image(tree, location, "base"));
//     image.disk.read(0, buffer);
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/confine/answer_codec.hpp"
#include "core/disk/disk.hpp"
#include "core/disk/image_files.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"

namespace ploopu {

struct Image {
  ImageLocation location;
  Disk disk;
  std::vector<std::string> guids;     // of disk.deltas(), base first; empty for a single file
  std::vector<std::string> warnings;  // what is odd, but doesn't hinder reading
  // GUID of the shot that was opened, when that isn't the live state.
  std::optional<std::string> snapshot = std::nullopt;
  // Directories of its files, and directories above those, that everybody may write to: each of
  // their users can put another file in the place of one of these. There is a warning for each.
  std::vector<std::string> writable_by_others = {};
  // The encoded answer of the Look that open_image() was given.
  std::string looked = {};
};

// What the header of one file says that its reader should know, wherever it stands in a chain.
void warn_about_delta(const Delta& delta, std::vector<std::string>& warnings);

// A first look at the disk, in the same confined work that has read its tables. Returns an answer
// of encode_answer().
using Look = std::function<std::string(const Disk& disk)>;

// Opens every file of the chain read-only and flattens it. Nothing is left open on error.
// `snapshot` is what find_shot understands; a single file only has a live state. A file to which a
// descriptor beside it gives a place in a chain is opened with what lies below it.
// When the descriptor changes meanwhile, all is done once more; when it changes again, or a header
// does, that is ErrorKind::busy.
[[nodiscard]] Result<Image> open_image(const HostTree& tree, ImageLocation location,
                                       const std::string& snapshot = "", const Look& look = {});

// The same for a descriptor that `files` may have read already: its text isn't read again before
// the end.
[[nodiscard]] Result<Image> open_image(const HostTree& tree, ImageLocation location,
                                       LocatedFiles& files, const std::string& snapshot,
                                       const Look& look);

}  // namespace ploopu
