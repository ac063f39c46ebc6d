// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "platform/os/unique_fd.hpp"
#include "tests/support/memory_file.hpp"

namespace ploopu::testing {

// Creates a file with the data and the holes of the other file.
inline void write_sparsely(const std::string& path, const MemoryFile& file) {
  const UniqueFd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  bool good = out.get() >= 0 && ::ftruncate(out.get(), static_cast<off_t>(file.size())) == 0;
  for (const auto& [at, data] : file.pieces()) {
    good = good && ::pwrite(out.get(), data.data(), data.size(), static_cast<off_t>(at)) ==
                       static_cast<ssize_t>(data.size());
  }
  if (!good) throw std::runtime_error(path + ": " + std::strerror(errno));
}

}  // namespace ploopu::testing
