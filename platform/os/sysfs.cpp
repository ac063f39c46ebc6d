// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/sysfs.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "platform/os/retry.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

std::optional<std::string> read_attribute(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  constexpr size_t kPiece = 4096;
  std::string text;
  size_t length = 0;
  ssize_t got = 0;
  do {
    text.resize(length + kPiece);
    got = retry([&] { return ::read(fd.get(), &text[length], kPiece); });
    length += static_cast<size_t>(std::max<ssize_t>(got, 0));
  } while (got > 0);
  text.resize(length);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string read_link(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  return {target.data(), static_cast<size_t>(std::max<ssize_t>(length, 0))};
}

bool write_attribute(const std::string& path, const std::string& value) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd.valid() &&
         ::write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  const std::filesystem::directory_iterator end;
  // Entries come and go during the loop: an error ends the list and is ignored.
  for (; !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace ploopu
