// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace ploopu {

// Becomes man(1), which shows a page of section 8. Returns, having printed nothing, where standard
// output is no terminal, or man or the page isn't there.
void show_manual_page(const std::string& name);

}  // namespace ploopu
