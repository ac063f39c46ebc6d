// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/nbd_sysfs.hpp"

#include <fmt/format.h>

#include "core/text.hpp"
#include "platform/sysfs.hpp"

namespace ploopu {

std::string nbd_identifier(const std::string& id) { return "ploopu:" + id; }

int find_nbd(const std::string& id) {
  for (const auto& name : list_directory("/sys/block")) {
    if (!name.starts_with("nbd")) continue;
    const auto index = parse_number(name.substr(3));
    if (index && is_nbd_of(static_cast<int>(*index), id)) return static_cast<int>(*index);
  }
  return -1;
}

bool is_nbd_of(int index, const std::string& id) {
  return read_attribute(fmt::format("/sys/block/nbd{}/backend", index)) == nbd_identifier(id);
}

std::string nbd_node(int index) { return fmt::format("/dev/nbd{}", index); }

}  // namespace ploopu
