// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/sandbox.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include <grp.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/unique_fd.hpp"

namespace ploopu {
namespace {

constexpr uid_t kNobody = 65534;  // the kernel's own number for it (fs.overflowuid)

// Every access that the first version knows; later ones have others, which then stay allowed, but
// not to seccomp.
constexpr uint64_t kAllAccesses = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

// Kernels without Landlock, or booted without it, have none of it.
Result<void> deny_all_paths() {
  landlock_ruleset_attr rules = {};
  rules.handled_access_fs = kAllAccesses;
  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0)));
  if (!ruleset.valid() && (errno == ENOSYS || errno == EOPNOTSUPP)) return {};
  if (!ruleset.valid() || ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return fail_errno(errno, "Landlock");
  }
  return {};
}

Result<void> become_nobody() {
  // Or the processes of all who are nobody on this host would count. In a container root may not.
  constexpr rlimit kAny = {RLIM_INFINITY, RLIM_INFINITY};
  static_cast<void>(::setrlimit(RLIMIT_NPROC, &kAny));
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      return fail_errno(errno, "dropping a capability");
    }
  }
  // With the user go the capabilities.
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0) {
    return fail_errno(errno, "becoming nobody");
  }
  return {};
}

// The heap grows by brk, mprotect or mmap as it likes. Of these only the last one is left later: so
// there is one heap for all threads, with room for what is small, and the rest is mapped.
void settle_heap() {
  constexpr int kRoom = 1 << 20, kLarge = 32 << 20, kSmall = 4096;
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, kLarge);
  ::mallopt(M_MMAP_THRESHOLD, kLarge);
  std::free(std::malloc(kRoom));  // NOLINT(cppcoreguidelines-no-malloc): it is about that
  ::mallopt(M_MMAP_THRESHOLD, kSmall);
}

struct FilterDeleter {
  void operator()(void* filter) const { seccomp_release(filter); }
};

}  // namespace

Result<void> drop_privileges() {
  settle_heap();
  if (::geteuid() == 0) PLOOPU_CHECK(become_nobody());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return fail_errno(errno, "dropping privileges");
  }
  PLOOPU_CHECK(deny_all_paths());
  constexpr rlimit kNone = {0, 0};
  if (::setrlimit(RLIMIT_CORE, &kNone) != 0 || ::setrlimit(RLIMIT_NOFILE, &kNone) != 0) {
    return fail_errno(errno, "setting limits");
  }
  return {};
}

Result<void> allow_serving_only(bool writes) {
  if (::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 && errno == EINVAL) return {};
  const std::unique_ptr<void, FilterDeleter> filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!filter) return fail(ErrorKind::failed, "seccomp: out of memory");
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  const auto allow = [&](int call) {
    if (error == 0) error = seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 0, nullptr);
  };
  for (const int call : {SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(pread64), SCMP_SYS(splice),
                         SCMP_SYS(vmsplice), SCMP_SYS(fadvise64), SCMP_SYS(futex),
                         SCMP_SYS(clock_gettime), SCMP_SYS(munmap), SCMP_SYS(exit_group)}) {
    allow(call);
  }
  const scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  if (error == 0) {
    error =
        seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &not_executable);
  }
  if (writes) {
    for (const int call : {SCMP_SYS(pwrite64), SCMP_SYS(fallocate), SCMP_SYS(fdatasync)}) {
      allow(call);
    }
  }
  if (error == 0) error = seccomp_load(filter.get());
  return error == 0 ? Result<void>() : fail_errno(-error, "seccomp");
}

}  // namespace ploopu
