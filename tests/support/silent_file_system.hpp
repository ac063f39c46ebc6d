// SPDX-License-Identifier: GPL-2.0-or-later
// A file system that never answers: every look at a path below it hangs until the object ends. It
// is FUSE without a server, so it needs root and /dev/fuse:
//
//     const SilentFileSystem silent(dir_ / "silent");
//     if (!silent.is_mounted()) GTEST_SKIP() << "needs root and /dev/fuse";
#pragma once

#include <filesystem>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>

#include "platform/os/unique_fd.hpp"

namespace ploopu::testing {

class SilentFileSystem {
 public:
  // Creates the directory and mounts on it.
  explicit SilentFileSystem(std::string directory)
      : directory_(std::move(directory)), fuse_(::open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    std::filesystem::create_directory(directory_);
    const auto options =
        fmt::format("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", fuse_.get());
    is_mounted_ = fuse_.valid() && ::mount("silent", directory_.c_str(), "fuse.silent",
                                           MS_NOSUID | MS_NODEV, options.c_str()) == 0;
  }
  SilentFileSystem(const SilentFileSystem&) = delete;
  SilentFileSystem& operator=(const SilentFileSystem&) = delete;
  // Whoever hangs gets an error.
  ~SilentFileSystem() {
    fuse_.reset();
    if (is_mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
  }

  [[nodiscard]] bool is_mounted() const { return is_mounted_; }

 private:
  std::string directory_;
  UniqueFd fuse_;
  bool is_mounted_ = false;
};

}  // namespace ploopu::testing
