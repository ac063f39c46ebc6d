// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/confine/sandbox.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

constexpr uid_t kNobody = 65534;  // default of the kernel's fs.overflowuid

// Every access that the first version of Landlock knows. Accesses of later versions stay allowed by
// Landlock; seccomp forbids their system calls.
constexpr uint64_t kAllAccesses = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

// Denies access to all paths by Landlock. Does nothing on a kernel that has no Landlock or was
// booted without it.
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

Result<void> clear_capabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none = {};
  if (::syscall(SYS_capset, &header, none.data()) != 0) {
    return fail_errno(errno, "dropping capabilities");
  }
  return {};
}

Result<void> become_nobody() {
  // The limit of processes counts all processes of user nobody on this host, so it is lifted. Root
  // of a container may not be allowed to: then the limit stays.
  constexpr rlimit kAny = {RLIM_INFINITY, RLIM_INFINITY};
  static_cast<void>(::setrlimit(RLIMIT_NPROC, &kAny));
  bool may = true;
  for (int capability = 0; may && ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
       ++capability) {
    may = ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0;
  }
  may = may && ::setgroups(0, nullptr) == 0 && ::setresgid(kNobody, kNobody, kNobody) == 0 &&
        ::setresuid(kNobody, kNobody, kNobody) == 0;
  if (may) return {};  // the change of the user has cleared the capabilities
  if (errno != EPERM && errno != EINVAL) return fail_errno(errno, "becoming nobody");
  return clear_capabilities();
}

// Prepares the heap for the filter. malloc(3) grows its heaps by brk, mprotect or mmap, and the
// filter allows only mmap: so all threads share a heap that gets its room for small blocks now, and
// larger blocks are mapped.
void settle_heap() {
  constexpr int kRoom = 1 << 20, kLarge = 32 << 20, kSmall = 4096;
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, kLarge);
  ::mallopt(M_MMAP_THRESHOLD, kLarge);
  std::free(std::malloc(kRoom));  // NOLINT(cppcoreguidelines-no-malloc): it is about that
  ::mallopt(M_MMAP_THRESHOLD, kSmall);
}

// A filter with a list of system calls. With List::allowed, any other call ends the process; with
// List::forbidden, a call of the list ends it.
class Filter {
 public:
  enum class List { allowed, forbidden };

  explicit Filter(List list = List::allowed)
      : action_(list == List::allowed ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS),
        filter_(seccomp_init(list == List::allowed ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW)) {
    if (!filter_) throw std::bad_alloc();
    error_ = seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  }

  void list(std::initializer_list<int> calls) {
    for (const int call : calls) add(call, {});
  }
  void allow(std::initializer_list<int> calls) { list(calls); }
  // Allows the call if its argument is as `condition` says; arguments count from 0.
  void allow_if(int call, scmp_arg_cmp condition) { add(call, {&condition, 1}); }
  void allow_unless_executable(int call) { allow_if(call, {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}); }

  [[nodiscard]] Result<void> load() {
    if (error_ == 0) error_ = seccomp_load(filter_.get());
    return error_ == 0 ? Result<void>() : fail_errno(-error_, "seccomp");
  }

  // Returns the filter in the form that prctl(2) takes.
  [[nodiscard]] Result<std::vector<sock_filter>> program() {
    const UniqueFd file(::memfd_create("ploopu-filter", MFD_CLOEXEC));
    if (!file.valid()) return fail_errno(errno, "seccomp");
    if (error_ == 0) error_ = seccomp_export_bpf(filter_.get(), file.get());
    if (error_ != 0) return fail_errno(-error_, "seccomp");
    const off_t bytes = ::lseek(file.get(), 0, SEEK_END);
    if (bytes <= 0) return fail_errno(errno, "seccomp");
    std::vector<sock_filter> lines(static_cast<size_t>(bytes) / sizeof(sock_filter));
    if (::pread(file.get(), lines.data(), static_cast<size_t>(bytes), 0) != bytes) {
      return fail_errno(errno, "seccomp");
    }
    return lines;
  }

 private:
  struct Deleter {
    void operator()(void* filter) const { seccomp_release(filter); }
  };

  void add(int call, std::span<const scmp_arg_cmp> conditions) {
    if (error_ != 0) return;
    error_ = seccomp_rule_add_array(filter_.get(), action_, call,
                                    static_cast<unsigned>(conditions.size()), conditions.data());
  }

  uint32_t action_;
  std::unique_ptr<void, Deleter> filter_;
  int error_ = 0;
};

// Allows the calls of a process that parses.
void allow_parsing(Filter& filter) {
  filter.allow({SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(lseek), SCMP_SYS(fstat),
                SCMP_SYS(fadvise64), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap),
                SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(time),
                SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(close),
                SCMP_SYS(exit_group)});
  filter.allow_unless_executable(SCMP_SYS(mmap));
  filter.allow_unless_executable(SCMP_SYS(mprotect));
  // The parser of partition tables writes to a memory file of its own. All other files are open for
  // reading only.
  filter.allow({SCMP_SYS(memfd_create), SCMP_SYS(ftruncate), SCMP_SYS(pwrite64)});
  // Newer C libraries implement fstat(3) by newfstatat(2) with AT_EMPTY_PATH. Landlock forbids
  // paths.
  filter.allow_if(SCMP_SYS(newfstatat), {3, SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH});
  filter.allow_if(SCMP_SYS(write), {0, SCMP_CMP_EQ, ParsingFilter::kWorkSocket, 0});
  filter.allow_if(SCMP_SYS(recvmsg), {0, SCMP_CMP_EQ, ParsingFilter::kWorkSocket, 0});
}

// Further calls of a process that forks others. Its children may not make them.
constexpr std::initializer_list<int> kForking = {
    SCMP_SYS(clone),   SCMP_SYS(clone3),    SCMP_SYS(fork),
    SCMP_SYS(vfork),   SCMP_SYS(wait4),     SCMP_SYS(waitid),
    SCMP_SYS(getppid), SCMP_SYS(getpid),    SCMP_SYS(dup2),
    SCMP_SYS(prctl),   SCMP_SYS(prlimit64), SCMP_SYS(rt_sigaction),
    SCMP_SYS(sendto),  SCMP_SYS(gettid),    SCMP_SYS(set_robust_list),
    SCMP_SYS(alarm),   SCMP_SYS(setitimer)};

}  // namespace

bool has_seccomp() { return ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 || errno != EINVAL; }

int landlock_version() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

Result<void> drop_privileges() {
  if (::geteuid() == 0) PLOOPU_CHECK(become_nobody());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return fail_errno(errno, "dropping privileges");
  }
  PLOOPU_CHECK(deny_all_paths());
  constexpr rlimit kNone = {0, 0};
  if (::setrlimit(RLIMIT_CORE, &kNone) != 0) return fail_errno(errno, "setting limits");
  return {};
}

Result<void> settle_for_serving() {
  settle_heap();
  constexpr rlimit kNone = {0, 0};
  if (::setrlimit(RLIMIT_NOFILE, &kNone) != 0) return fail_errno(errno, "setting limits");
  return {};
}

Result<void> allow_serving_only(bool writes) {
  if (!has_seccomp()) return {};
  Filter filter;
  filter.allow({SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(pread64), SCMP_SYS(splice),
                SCMP_SYS(vmsplice), SCMP_SYS(fadvise64), SCMP_SYS(futex), SCMP_SYS(clock_gettime),
                SCMP_SYS(munmap), SCMP_SYS(exit_group)});
  filter.allow_unless_executable(SCMP_SYS(mmap));
  // The kernel goes on with a wait that has a limit by this call, after SIGCONT or for a debugger.
  filter.allow({SCMP_SYS(restart_syscall)});
  if (writes) filter.allow({SCMP_SYS(pwrite64), SCMP_SYS(fallocate), SCMP_SYS(fdatasync)});
  return filter.load();
}

Result<ParsingFilter> ParsingFilter::make(Kind kind) {
  if (!has_seccomp()) return ParsingFilter({});
  Filter filter(kind == Kind::series_work ? Filter::List::forbidden : Filter::List::allowed);
  if (kind != Kind::series_work) allow_parsing(filter);
  if (kind != Kind::work) filter.list(kForking);
  if (kind == Kind::series) {
    filter.allow_if(SCMP_SYS(recvmsg), {0, SCMP_CMP_EQ, kControlSocket, 0});
  }
  PLOOPU_TRY(auto program, filter.program());
  return ParsingFilter(std::move(program));
}

Result<void> ParsingFilter::apply() const {
  if (program_.empty()) return {};
  sock_fprog program = {static_cast<unsigned short>(program_.size()),
                        const_cast<sock_filter*>(program_.data())};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
    return fail_errno(errno, "seccomp");
  }
  return {};
}

}  // namespace ploopu
