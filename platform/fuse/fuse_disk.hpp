// SPDX-License-Identifier: GPL-2.0-or-later
// Serves a disk as a FUSE file:
//
//   FuseDisk fuse(served);
//   PLOOPU_CHECK(fuse.mount(file));
//   fuse.run();  // until the file is unmounted
#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/overlay/served_disk.hpp"

struct fuse_session;

namespace ploopu {

// A FUSE file system that consists of a file. It is mounted over a regular file, which shows the
// contents of the disk from then on. libfuse creates the threads that answer requests.
class FuseDisk {
 public:
  // The parts to which `disk` refers must outlive the object.
  explicit FuseDisk(const ServedDisk& disk) : disk_(disk) {}
  // Unmounts the file, if it is mounted.
  ~FuseDisk();
  FuseDisk(const FuseDisk&) = delete;
  FuseDisk& operator=(const FuseDisk&) = delete;

  // Mounts over the existing regular file `file`. ErrorKind::not_permitted if a user other than
  // root can't mount it, which needs fusermount3.
  [[nodiscard]] Result<void> mount(const std::string& file);
  // Answers requests until the file is unmounted. Call it after mount(), in a thread of its own if
  // the process has other work.
  void run();

 private:
  const ServedDisk disk_;
  fuse_session* session_ = nullptr;
};

}  // namespace ploopu
