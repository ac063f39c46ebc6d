// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace ploopu {

// A warning of one line in the host's log. Never waits: not to be told of something is better than
// not to be served.
void warn_system_log(const std::string& line);

// The same where syslog(3) listens at `socket`, or where nobody does, in the kernel's log.
void warn_log(const std::string& line, const char* socket, const char* kernel_log);

}  // namespace ploopu
