// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu.tab: images that have a name, one a line, which ploopu@NAME.service attaches when the host
// starts:
//     NAME IMAGE [OPTION,...]
// Options are those of attach without their dashes: snapshot=5d0c1f6c,backend=nbd. A blank or comma
// of a path or option's value is written as in fstab: \040, \054.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/files/file_system.hpp"

namespace ploopu::cmd {

// "/etc/ploopu/ploopu.tab", or where the program was built to have it.
[[nodiscard]] std::string tab_path();

struct TabLine {
  std::string place;                   // "/etc/ploopu/ploopu.tab:3", for messages
  std::vector<std::string> arguments;  // of attach: the image, then "--snapshot=5d0c1f6c" and so on
};

// ErrorKind::not_found when no line has that name.
[[nodiscard]] Result<TabLine> find_in_tab(const FileSystem& files, const std::string& name);

}  // namespace ploopu::cmd
