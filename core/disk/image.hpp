// SPDX-License-Identifier: GPL-2.0-or-later
// An opened image: the disk, and the facts about its files. open_image() is how every verb opens a
// disk.
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
  std::vector<std::string> guids;     // GUIDs of disk.deltas(), base first; empty for a single file
  std::vector<std::string> warnings;  // oddities that don't hinder reading
  // GUID of the opened shot; nothing for the live state.
  std::optional<std::string> snapshot = std::nullopt;
  // World-writable directories among those of the files and above: each user of the host can
  // replace a file there. `warnings` has a line for each.
  std::vector<std::string> writable_by_others = {};
  // The encoded answer of open_image()'s `look`; empty without one.
  std::string looked = {};
};

// Appends a warning for each oddity of the header of `delta`, at any place in a chain.
void warn_about_delta(const Delta& delta, std::vector<std::string>& warnings);

// Examines the disk in the same confined work that read its tables. Returns the result of
// encode_answer().
using Look = std::function<std::string(const Disk& disk)>;

// Opens every file of the chain read-only and merges their tables. Leaves nothing open on error.
// `snapshot` is a word that find_shot() understands; a single file has a live state only. A file
// that the descriptor beside it lists is opened with the deltas below it.
// Starts anew if the descriptor changes meanwhile. ErrorKind::busy when it changes once more, or a
// header does; ErrorKind::usage for a snapshot of a single file; ErrorKind::damaged or refused for
// faults of the image, not_found for a missing one.
[[nodiscard]] Result<Image> open_image(const HostTree& tree, ImageLocation location,
                                       const std::string& snapshot = "", const Look& look = {});

// Opens an image by a descriptor that `files` may have read already: its text is read again only at
// the end, to see whether it changed.
[[nodiscard]] Result<Image> open_image(const HostTree& tree, ImageLocation location,
                                       LocatedFiles& files, const std::string& snapshot,
                                       const Look& look);

}  // namespace ploopu
