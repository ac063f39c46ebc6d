// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/system_log.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <syslog.h>
#include <unistd.h>

#include "core/base/text.hpp"
#include "platform/os/datagram.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

void warn_log(const std::string& line, const char* socket, const char* kernel_log) {
  constexpr int kPriority = LOG_DAEMON | LOG_WARNING;
  const std::string text = escape_bytes(line);
  if (send_datagram(socket, fmt::format("<{}>ploopu[{}]: {}", kPriority, ::getpid(), text),
                    false)) {
    return;
  }
  const std::string record = fmt::format("<{}>ploopu: {}\n", kPriority, text);
  const UniqueFd log(::open(kernel_log, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (::write(log.get(), record.data(), record.size()) < 0) return;  // there is nobody else to tell
}

void warn_system_log(const std::string& line) { warn_log(line, "/dev/log", "/dev/kmsg"); }

}  // namespace ploopu
