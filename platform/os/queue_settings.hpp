// SPDX-License-Identifier: GPL-2.0-or-later
// Sets how the kernel's block layer hands requests to a device (/sys/block/NAME/queue). nbd and
// loop keep their device nodes after a detach, so detaching restores the previous settings:
//
//   record.queue = tune_queue(record.device);     // when attaching
//   restore_queue(record.device, record.queue);   // when detaching
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace ploopu {

// Bytes that a device reads ahead of a sequential reader. Two requests of 4 MiB are under way while
// the reader uses the data before them, so that the latency of storage is not paid for each
// request.
inline constexpr uint64_t kReadAhead = uint64_t{8} << 20;

// Attribute and its value, both as in sysfs.
using QueueSettings = std::map<std::string, std::string>;

// Makes `disk` ("/dev/nbd0") pass requests on at once, in large pieces, and early enough for a
// sequential reader. Returns the previous values of the attributes that it changed. An attribute
// that can't be set is left alone: the device is only slower.
[[nodiscard]] QueueSettings tune_queue(const std::string& disk);

// Sets the attributes to the values that tune_queue() returned; ignores errors.
void restore_queue(const std::string& disk, const QueueSettings& before);

}  // namespace ploopu
