// SPDX-License-Identifier: GPL-2.0-or-later
// What a process that answers requests, or parses, may still do once it has its files and sockets:
// next to nothing, so that whoever takes it over by a hostile image or request has nothing.
#pragma once

#include <utility>
#include <vector>

#include <linux/filter.h>

#include "core/base/result.hpp"

namespace ploopu {

// No user but nobody, no group, no capability, no privilege by execve, no path (Landlock, where the
// kernel has it), no core. To be called before there are threads. A root that can't become another
// user, as in a user namespace without one, is left without capabilities; what isn't root's has
// less to give away.
[[nodiscard]] Result<void> drop_privileges();

// No new descriptor, and a heap that needs no call but mmap(2) and munmap(2) from now on.
[[nodiscard]] Result<void> settle_for_serving();

// From now on every thread may only read and write what is open, wait for each other, take memory
// that isn't executable, and end the process; anything else ends it by SIGSYS. Without `writes` not
// even files can be written to. Where the kernel has no seccomp this does nothing.
[[nodiscard]] Result<void> allow_serving_only(bool writes);

// The system calls of a process that parses. Made once, since that takes longer than all that a
// child does with it.
class ParsingFilter {
 public:
  enum class Kind {
    work,         // reads what is open, fills memory files of its own, talks to kWorkSocket
    series,       // the same, and forks and waits for its children on behalf of kControlSocket
    series_work,  // such a child, above the filter of its parent: what `work` may do
  };
  static constexpr int kWorkSocket = 1;
  static constexpr int kControlSocket = 2;

  [[nodiscard]] static Result<ParsingFilter> make(Kind kind);

  // From now on, for this process, which has one thread and drop_privileges() behind it.
  [[nodiscard]] Result<void> apply() const;

 private:
  explicit ParsingFilter(std::vector<sock_filter> program) : program_(std::move(program)) {}

  std::vector<sock_filter> program_;  // empty where the kernel has no seccomp
};

// What of it this kernel has.
[[nodiscard]] bool has_seccomp();
[[nodiscard]] int landlock_version();  // 0 where there is none

}  // namespace ploopu
