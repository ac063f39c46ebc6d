// SPDX-License-Identifier: GPL-2.0-or-later
// Sandbox for processes that answer requests or parse. Once such a process has its files and
// sockets, it needs next to nothing else; so an attacker who takes it over by a hostile image or
// request gains nothing.
//
//   PLOOPU_CHECK(drop_privileges());          // user, capabilities, paths
//   PLOOPU_CHECK(settle_for_serving());       // heap and file descriptors
//   PLOOPU_CHECK(allow_serving_only(false));  // system calls
#pragma once

#include <utility>
#include <vector>

#include <linux/filter.h>

#include "core/base/result.hpp"

namespace ploopu {

// Makes this process user nobody, without groups, capabilities, privileges by execve, core files
// and, if the kernel has Landlock, access to any path. Call it before the first thread starts. Root
// that can't become another user, as in a user namespace with one user, only loses its
// capabilities. A process of another user keeps its user.
[[nodiscard]] Result<void> drop_privileges();

// Forbids new file descriptors, and sets up the heap so that it needs only mmap(2) and munmap(2)
// from now on. Call it before the first thread starts.
[[nodiscard]] Result<void> settle_for_serving();

// Limits all threads, for good, to the system calls that read and write open descriptors, wait for
// other threads, allocate memory that isn't executable, and end the process. Any other call ends
// the process by SIGSYS. Without `writes`, files can't be written to. Does nothing if the kernel
// has no seccomp.
[[nodiscard]] Result<void> allow_serving_only(bool writes);

// The filter for the system calls of processes that parse. Making a filter takes longer than the
// work of a child, so the parent makes it once and its children apply it.
class ParsingFilter {
 public:
  enum class Kind {
    work,         // may read open files, fill its own memory files, use kWorkSocket
    series,       // may do all of `work`, fork, wait for its children, use kControlSocket
    series_work,  // added in a child of a series: forbids what `series` allows beyond `work`
  };
  static constexpr int kWorkSocket = 1;
  static constexpr int kControlSocket = 2;

  [[nodiscard]] static Result<ParsingFilter> make(Kind kind);

  // Applies the filter to this process for good. Call it after drop_privileges(), in a process with
  // a single thread.
  [[nodiscard]] Result<void> apply() const;

 private:
  explicit ParsingFilter(std::vector<sock_filter> program) : program_(std::move(program)) {}

  std::vector<sock_filter> program_;  // empty if the kernel has no seccomp
};

// True if this kernel has seccomp.
[[nodiscard]] bool has_seccomp();
[[nodiscard]] int landlock_version();  // 0 without Landlock

}  // namespace ploopu
