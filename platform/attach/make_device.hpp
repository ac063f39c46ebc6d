// SPDX-License-Identifier: GPL-2.0-or-later
// A device is made of an image by the first back end that can. What `-n` says is found out by the
// same steps, without the one that changes something.
#pragma once

#include <string>
#include <vector>

#include "core/attach/attachments.hpp"
#include "core/overlay/served_disk.hpp"
#include "platform/attach/attachment_registry.hpp"
#include "platform/os/shared_memory.hpp"

namespace ploopu {

// ServiceState of a new server, in `memory`.
[[nodiscard]] ServiceState& make_service_state(const SharedMemory& memory, bool is_strict);

// Makes a device, or a file, that the registry has a record of. With "auto", a back end that can't
// do it leaves it to the next one, and `notes` says so. On error nothing is left behind.
[[nodiscard]] Result<Record> make_device(AttachmentRegistry& registry, const Image& image,
                                         const DiskLayout& layout, const AttachRequest& request,
                                         std::vector<std::string>& notes);

// The back end that make_device() would use, by its name.
[[nodiscard]] Result<std::string> plan_device(const Image& image, const DiskLayout& layout,
                                              const AttachRequest& request,
                                              std::vector<std::string>& notes);

}  // namespace ploopu
