// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/queue_settings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/path.hpp"
#include "core/base/text.hpp"
#include "platform/os/sysfs.hpp"

namespace ploopu {
namespace {

// The nbd driver accepts requests of up to 32 MiB, but fails a request that takes longer than 5
// seconds (platform/nbd/nbd_netlink.cpp). A slow disk or network may need longer for more than
// this.
constexpr uint64_t kRequestKib = 4096;

std::string attribute_path(const std::string& disk, const std::string& attribute) {
  return fmt::format("/sys/block/{}/queue/{}", base_name(disk), attribute);
}

// Returns the value in use: "none" for "[none] mq-deadline".
std::string chosen(const std::string& text) {
  const size_t open = text.find('[');
  const size_t close = text.find(']', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return text;
  return text.substr(open + 1, close - open - 1);
}

}  // namespace

QueueSettings tune_queue(const std::string& disk) {
  QueueSettings before;
  const auto set = [&](const std::string& attribute, const std::string& value) {
    const auto text = read_attribute(attribute_path(disk, attribute));
    if (!text || chosen(*text) == value) return;
    if (write_attribute(attribute_path(disk, attribute), value)) before[attribute] = chosen(*text);
  };
  const auto limit =
      parse_number(read_attribute(attribute_path(disk, "max_hw_sectors_kb")).value_or(""));
  // A scheduler saves seeks, which our server doesn't have, and passes requests through one more
  // thread.
  set("scheduler", "none");
  if (limit) set("max_sectors_kb", std::to_string(std::min(*limit, kRequestKib)));
  set("read_ahead_kb", std::to_string(kReadAhead / 1024));
  return before;
}

void restore_queue(const std::string& disk, const QueueSettings& before) {
  for (const auto& [attribute, value] : before) {
    static_cast<void>(write_attribute(attribute_path(disk, attribute), value));
  }
}

}  // namespace ploopu
