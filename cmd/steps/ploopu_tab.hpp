// SPDX-License-Identifier: GPL-2.0-or-later
// Reads ploopu.tab, the list of images that ploopu@NAME.service attaches when the host starts. A
// line is
//     NAME IMAGE [OPTION,...]
// where options are those of attach without their dashes, such as snapshot=5d0c1f6c,backend=nbd. A
// blank or comma in a path or value is written as in fstab: \040, \054. Lines that begin with # are
// comments.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/files/file_system.hpp"

namespace ploopu::cmd {

// The path of ploopu.tab, which the build decides: usually "/etc/ploopu/ploopu.tab".
[[nodiscard]] std::string tab_path();

struct TabLine {
  std::string place;                   // "/etc/ploopu/ploopu.tab:3", for messages
  std::vector<std::string> arguments;  // for attach, such as "101", "--snapshot=5d0c1f6c"
};

// Returns the line with that name. ErrorKind::not_found if there is none, ErrorKind::usage if there
// are two or the line is malformed.
[[nodiscard]] Result<TabLine> find_in_tab(const FileSystem& files, const std::string& name);

}  // namespace ploopu::cmd
