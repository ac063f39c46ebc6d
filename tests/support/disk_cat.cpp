// SPDX-License-Identifier: GPL-2.0-or-later
// disk_cat IMAGE FILE [SNAPSHOT]: writes the disk's bytes to a new FILE, with holes for zeros. For
// tests that hold our bytes against those of other programs.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "core/disk/image.hpp"
#include "core/find/locate.hpp"
#include "platform/files/posix_file_system.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu::testing {
namespace {

constexpr size_t kPiece = size_t{64} << 10;

[[noreturn]] void give_up(const std::string& what, int error) {
  throw std::runtime_error(what + ": " + std::strerror(error));
}

bool is_zero(const std::vector<std::byte>& piece) {
  return std::all_of(piece.begin(), piece.end(), [](std::byte b) { return b == std::byte{0}; });
}

void copy(const Disk& disk, const std::string& path) {
  const UniqueFd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (out.get() < 0 || ::ftruncate(out.get(), static_cast<off_t>(disk.size())) != 0) {
    give_up(path, errno);
  }
  std::vector<std::byte> piece;
  for (uint64_t offset = 0; offset < disk.size();) {
    const Extent extent = disk.extent_at(offset, UINT64_MAX);
    if (extent.kind == ExtentKind::zero) {
      offset += extent.length;
      continue;
    }
    piece.resize(std::min<uint64_t>(kPiece, disk.size() - offset));
    if (const int error = disk.read(offset, piece); error != 0) {
      give_up("reading at " + std::to_string(offset), error);
    }
    if (!is_zero(piece) && ::pwrite(out.get(), piece.data(), piece.size(),
                                    static_cast<off_t>(offset)) != ssize_t(piece.size())) {
      give_up(path, errno);
    }
    offset += piece.size();
  }
}

Disk open_disk(const std::string& path, const std::string& snapshot) {
  const PosixFileSystem files;
  auto location = locate_image(HostTree(files, "/"), path);
  if (!location) throw std::runtime_error(location.error().message);
  auto image = open_image(HostTree(files, "/"), *std::move(location), snapshot);
  if (!image) throw std::runtime_error(image.error().message);
  return std::move(image->disk);
}

}  // namespace
}  // namespace ploopu::testing

int main(int argc, char** argv) {
  try {
    if (argc != 3 && argc != 4) throw std::runtime_error("usage: IMAGE FILE [SNAPSHOT]");
    ploopu::testing::copy(ploopu::testing::open_disk(argv[1], argc == 4 ? argv[3] : ""), argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "disk_cat: " << error.what() << '\n';
    return 1;
  }
}
