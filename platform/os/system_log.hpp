// SPDX-License-Identifier: GPL-2.0-or-later
// Warnings of servers, which have no terminal, in the log of the host.
#pragma once

#include <string>

namespace ploopu {

// Writes a warning of one line to the system log. Never waits: serving is more important than a
// warning. Bytes that aren't printable are escaped.
void warn_system_log(const std::string& line);

// Does the work of warn_system_log(), with places that tests choose: sends the warning to the log
// daemon at `socket` or, if none listens there, writes it to the file `kernel_log`.
void warn_log(const std::string& line, const char* socket, const char* kernel_log);

}  // namespace ploopu
