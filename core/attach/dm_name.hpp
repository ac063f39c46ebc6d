// SPDX-License-Identifier: GPL-2.0-or-later
// Names of device-mapper devices.
//
//     dm_name("/vz/private/101/root.hdd/DiskDescriptor.xml", "101", std::nullopt)  // "ploopu-101"
#pragma once

#include <optional>
#include <string>

namespace ploopu {

// The name for an image: "ploopu-" and the container's ID, or else a part of `path`, which leads to
// a descriptor or an image file: X for X/root.hdd, otherwise the name of the directory or file
// itself. A snapshot adds the first digits of its GUID. Characters that need quoting are left out.
// At most 100 bytes: the kernel takes 127, and callers append to the name.
[[nodiscard]] std::string dm_name(const std::string& path, const std::optional<std::string>& ctid,
                                  const std::optional<std::string>& snapshot);

// The name for a partition: "ploopu-101p1".
[[nodiscard]] std::string dm_partition_name(const std::string& disk, uint32_t number);

// Whether a device with the name `other` has the name of disk `name` or of a partition of it.
[[nodiscard]] bool is_dm_name_taken_by(const std::string& name, const std::string& other);

}  // namespace ploopu
