// SPDX-License-Identifier: GPL-2.0-or-later
// How the kernel's block layer hands requests to a device (/sys/block/NAME/queue). The driver keeps
// its devices, so what is set here outlives the attachment unless it is set back.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace ploopu {

// What a device reads ahead of a sequential reader, in bytes: two requests of ours under way while
// a third is being read, so that a seek or a network costs its latency once, not for each piece.
inline constexpr uint64_t kReadAhead = uint64_t{8} << 20;

// Attribute to value, both as in sysfs.
using QueueSettings = std::map<std::string, std::string>;

// Makes `disk` ("/dev/nbd0") pass requests on at once, whole, and early enough for a sequential
// reader. Returns what was there before, of what was changed. What can't be set stays as it is: the
// device is only slower then.
[[nodiscard]] QueueSettings tune_queue(const std::string& disk);

void restore_queue(const std::string& disk, const QueueSettings& before);

}  // namespace ploopu
