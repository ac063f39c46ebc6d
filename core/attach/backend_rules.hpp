// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>

#include "core/attach/attachments.hpp"

namespace ploopu {

// Whether a back end can do what is asked for, on any host. The error begins with its name.
[[nodiscard]] Result<void> check_backend_fits(std::string_view backend, const DiskLayout& layout,
                                              const AttachRequest& request);

}  // namespace ploopu
