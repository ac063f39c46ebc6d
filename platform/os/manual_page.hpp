// SPDX-License-Identifier: GPL-2.0-or-later
// Shows a manual page in place of this process.
#pragma once

#include <string>

namespace ploopu {

// Replaces this process by man(1), which shows page `name` of section 8. Returns without printing
// anything if standard output is no terminal, or if man or the page is missing.
void show_manual_page(const std::string& name);

}  // namespace ploopu
