// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/overlay/served_disk.hpp"

struct fuse_session;

namespace ploopu {

// A FUSE file system that is one file: it is mounted over a regular file, which from then on has
// the disk's content. libfuse runs its loop and its threads.
class FuseDisk {
 public:
  explicit FuseDisk(const ServedDisk& disk) : disk_(disk) {}
  ~FuseDisk();
  FuseDisk(const FuseDisk&) = delete;
  FuseDisk& operator=(const FuseDisk&) = delete;

  [[nodiscard]] Result<void> mount(const std::string& file);
  // Answers requests until the file is unmounted.
  void run();

 private:
  const ServedDisk disk_;
  fuse_session* session_ = nullptr;
};

}  // namespace ploopu
