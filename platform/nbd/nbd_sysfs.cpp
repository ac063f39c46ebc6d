// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/nbd/nbd_sysfs.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/text.hpp"
#include "platform/block/block_snapshot.hpp"
#include "platform/os/sysfs.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

std::string nbd_identifier(const std::string& id) { return "ploopu:" + id; }

bool is_nbd_gone(int index, const std::string& id) {
  const std::string path = fmt::format("/sys/block/nbd{}/backend", index);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return errno == ENOENT;
  std::array<char, 256> text{};
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  if (got < 0) return errno == ENODEV;
  return trim(std::string(text.data(), static_cast<size_t>(got))) != nbd_identifier(id);
}

int find_nbd(const std::string& id) { return BlockSnapshot().find_nbd(nbd_identifier(id)); }

bool is_nbd_of(int index, const std::string& id) {
  return read_attribute(fmt::format("/sys/block/nbd{}/backend", index)) == nbd_identifier(id);
}

std::string nbd_node(int index) { return fmt::format("/dev/nbd{}", index); }

}  // namespace ploopu
