// SPDX-License-Identifier: GPL-2.0-or-later
// Creates the device of an image with the first back end that can do it. "attach -n" takes the same
// steps, except the step that changes something: plan_device().
#pragma once

#include <string>
#include <vector>

#include "core/attach/attachments.hpp"
#include "core/overlay/served_disk.hpp"
#include "platform/attach/attachment_registry.hpp"
#include "platform/os/shared_memory.hpp"

namespace ploopu {

// Constructs the ServiceState of a new server in `memory`, which must have room for it and outlive
// it.
[[nodiscard]] ServiceState& make_service_state(const SharedMemory& memory, bool is_strict);

// Creates a device, or a file, and its record in the registry, which must be open. With the back
// end "auto", the next back end is tried if one can't do it, and `notes` says why. On error nothing
// is left behind.
[[nodiscard]] Result<Record> make_device(AttachmentRegistry& registry, const Image& image,
                                         const DiskLayout& layout, const AttachRequest& request,
                                         std::vector<std::string>& notes);

// Returns the name of the back end that make_device() uses for the request, or its error, as far as
// they can be known without changing the host.
[[nodiscard]] Result<std::string> plan_device(const Image& image, const DiskLayout& layout,
                                              const AttachRequest& request,
                                              std::vector<std::string>& notes);

}  // namespace ploopu
