// SPDX-License-Identifier: GPL-2.0-or-later
// What device-mapper calls an image.
#pragma once

#include <optional>
#include <string>

namespace ploopu {

// "ploopu-101" for a container, otherwise "ploopu-" and what `path`, that of a descriptor or an
// image file, is best known by: X of X/root.hdd, else the file's or the directory's own name. A
// snapshot adds the first digits of its GUID. Characters that would need quoting are left out.
// At most 100 bytes, which leaves 27 of the 127 that the kernel takes for what is appended.
[[nodiscard]] std::string dm_name(const std::string& path, const std::optional<std::string>& ctid,
                                  const std::optional<std::string>& snapshot);

// "ploopu-101p1".
[[nodiscard]] std::string dm_partition_name(const std::string& disk, uint32_t number);

// Whether a device of this name would stand in the way of a disk `name` or of its partitions.
[[nodiscard]] bool is_dm_name_taken_by(const std::string& name, const std::string& other);

}  // namespace ploopu
