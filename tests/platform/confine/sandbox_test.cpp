// SPDX-License-Identifier: GPL-2.0-or-later
// Tests what the sandbox permits, and what kills the process. Each attempt runs in a sandboxed
// process of its own.
#include "platform/confine/sandbox.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/confine/confined_work.hpp"
#include "platform/files/posix_file_system.hpp"
#include "platform/files/posix_scratch_file.hpp"
#include "platform/nbd/nbd_worker.hpp"
#include "platform/nbd/socket_stream.hpp"
#include "platform/os/wait.hpp"
#include "tests/support/memory_scratch.hpp"
#include "tests/support/nbd_client.hpp"
#include "tests/support/ploop_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

// Returns the status, as waitpid(2) gives it, of a process that does `work`.
int status_of(const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    work();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return status;
}

void enter(bool writes) {
  if (!drop_privileges() || !settle_for_serving() || !allow_serving_only(writes)) ::_exit(99);
}

struct Attempt {
  const char* name;
  std::function<void()> work;

  friend void PrintTo(const Attempt& attempt, std::ostream* out) { *out << attempt.name; }
};

// Makes a system call by its number, so that the C library can't replace it by another one.
template <class... Arguments>
Attempt call(const char* name, long number, Arguments... arguments) {
  return {name, [=] { ::syscall(number, arguments...); }};
}

class EscapeTest : public ::testing::TestWithParam<Attempt> {};

// The kernel goes on with the wait by another system call, restart_syscall(2).
TEST(Sandbox, R03_AServerThatWasStoppedForAMomentGoesOn) {
  if (kHasSanitizer) GTEST_SKIP() << "a sanitizer needs more system calls";
  const pid_t pid = ::fork();
  if (pid == 0) {
    enter(false);
    // A wait on a futex with a limit of three seconds, as for the heartbeat. Nobody wakes it.
    int word = 0;
    const timespec limit{3, 0};
    ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, nullptr, 0);
    ::_exit(0);
  }
  const auto is_in = [&](const char* state) {
    return wait_until(
        [&] {
          std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
          std::string text;
          std::getline(file, text);
          return text.find(state) != std::string::npos;
        },
        std::chrono::seconds(2));
  };
  // The first wait of the process is that on the futex.
  ASSERT_TRUE(is_in(") S "));
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  ASSERT_TRUE(is_in(") T "));
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_P(EscapeTest, EndsTheProcess) {
  const int status = status_of([] {
    enter(true);
    GetParam().work();
  });
  ASSERT_TRUE(WIFSIGNALED(status)) << "ended with " << WEXITSTATUS(status);
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

const char* const kPath = "/etc/passwd";

INSTANTIATE_TEST_SUITE_P(
    All, EscapeTest,
    ::testing::Values(
        call("open", SYS_openat, AT_FDCWD, kPath, O_RDONLY), call("old_open", SYS_open, kPath, 0),
        call("create", SYS_openat, AT_FDCWD, "/tmp/x", O_CREAT | O_WRONLY, 0600),
        call("socket", SYS_socket, AF_INET, SOCK_STREAM, 0),
        call("connect", SYS_connect, 0, nullptr, 0),
        call("execve", SYS_execve, "/bin/sh", nullptr, nullptr),
        call("fork", SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr),
        call("ptrace", SYS_ptrace, PTRACE_TRACEME, 0, nullptr, nullptr),
        call("kill", SYS_kill, 1, SIGKILL),
        call("executable_memory", SYS_mmap, nullptr, 4096, PROT_READ | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        call("writable_code", SYS_mprotect, nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC),
        call("setuid", SYS_setuid, 0), call("setresuid", SYS_setresuid, 0, 0, 0),
        call("capset", SYS_capset, nullptr, nullptr), call("prctl", SYS_prctl, 0, 0, 0, 0, 0),
        call("mount", SYS_mount, "none", "/mnt", "tmpfs", 0, nullptr),
        call("chroot", SYS_chroot, "/"), call("unshare", SYS_unshare, CLONE_NEWUSER),
        call("unlink", SYS_unlinkat, AT_FDCWD, kPath, 0),
        call("chmod", SYS_fchmodat, AT_FDCWD, kPath, 0777), call("ioctl", SYS_ioctl, 0, 0, nullptr),
        call("dup", SYS_dup, 0),
        call("read_memory", SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0),
        call("bpf", SYS_bpf, 0, nullptr, 0), call("keyctl", SYS_keyctl, 0, 0, 0, 0, 0),
        call("io_uring", SYS_io_uring_setup, 1, nullptr),
        call("link", SYS_symlink, kPath, "/tmp/y"), call("module", SYS_init_module, nullptr, 0, ""),
        call("truncate", SYS_ftruncate, 0, 0)),
    [](const auto& attempt) { return attempt.param.name; });

// Without an overlay, a worker may not write to any file.
TEST(Sandbox, WritingNeedsToBeAllowed) {
  if (kHasSanitizer) GTEST_SKIP() << "a sanitizer needs more system calls";
  const auto write = [](bool writes) {
    return status_of([=] {
      enter(writes);
      ::syscall(SYS_pwrite64, -1, "x", 1, 0);
    });
  };
  EXPECT_EQ(write(true), 0);
  const int status = write(false);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

// Ends the process with `code` unless `holds`.
void require(bool holds, int code) {
  if (!holds) ::_exit(code);
}

// The child has every right that the sandbox takes, so that each line can fail.
TEST(Sandbox, TakesTheRightsOfRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has privileges to drop";
  const int status = status_of([] {
    const int before = ::open("/proc/self/status", O_RDONLY);
    const std::array<gid_t, 2> groups = {7, 8};
    require(::setgroups(groups.size(), groups.data()) == 0, 2);
    require(drop_privileges().has_value(), 3);
    std::array<char, 4096> text{};
    const ssize_t got = ::pread(before, text.data(), text.size(), 0);
    const std::string lines(text.data(), got > 0 ? static_cast<size_t>(got) : 0);
    for (const char* line :
         {"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapInh:\t0000000000000000",
          "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1",
          "Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534", "Groups:\t \n"}) {
      if (lines.find(line) != std::string::npos) continue;
      std::fprintf(stderr, "not there: %s\n", line);
      ::_exit(4);
    }
  });
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

// For a process whose user stays the same: a change of the user clears some of these by itself.
TEST(Sandbox, TakesTheRightsOfAUser) {
  constexpr uid_t kUser = 12345;
  const int status = status_of([] {
    require(::geteuid() != 0 || ::setresuid(kUser, kUser, kUser) == 0, 2);
    require(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, 3);
    const rlimit any_core = {0, RLIM_INFINITY};
    static_cast<void>(::setrlimit(RLIMIT_CORE, &any_core));
    require(drop_privileges().has_value(), 4);
    require(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, 5);
    require(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, 6);
    rlimit core = {1, 1};
    require(::getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0, 7);
  });
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

// Without the filter, which would end the process: Landlock alone forbids the paths, also those
// below a directory that is open.
TEST(Sandbox, LandlockForbidsPaths) {
  if (landlock_version() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  const int status = status_of([] {
    const int root = ::open("/", O_RDONLY | O_DIRECTORY);
    const auto opens = [&] {
      return ::open(kPath, O_RDONLY) >= 0 || ::openat(root, kPath + 1, O_RDONLY) >= 0;
    };
    require(root >= 0 && opens(), 2);
    require(drop_privileges().has_value(), 3);
    require(!opens() && errno == EACCES, 4);
    require(::open("/tmp", O_TMPFILE | O_RDWR, 0600) < 0 && errno == EACCES, 5);
  });
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST(Sandbox, AServerGetsNoDescriptor) {
  const int status = status_of([] {
    require(::dup(0) >= 0, 2);
    require(settle_for_serving().has_value(), 3);
    require(::dup(0) < 0 && errno == EMFILE, 4);
    rlimit descriptors = {1, 1};
    require(::getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_max == 0, 5);
  });
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

// Serves as a worker does: with several connections, reads of all sizes, and an overlay.
TEST(Sandbox, AWorkerServesInIt) {
  if (kHasSanitizer) GTEST_SKIP() << "a sanitizer needs more system calls";
  const TemporaryDirectory dir;
  constexpr uint32_t kClusters = 64;
  constexpr uint64_t kCluster = 1 << 16;
  PloopSpec spec{.cluster_sectors = kCluster / 512, .disk_sectors = kClusters * kCluster / 512};
  for (uint32_t i = 0; i < kClusters; ++i) spec.bat.push_back(i % 3 == 0 ? 0 : 1 + i);
  auto content = ploop_file(spec);
  for (uint32_t i = 1; i <= kClusters; ++i) content->write(i * kCluster, pattern(kCluster, i));
  Bytes bytes(content->size());
  ASSERT_EQ(content->read(0, bytes), 0);
  {
    std::ofstream file(dir / "image", std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  auto file = PosixFileSystem().open_image(dir / "image");
  ASSERT_TRUE(file) << file.error().message;
  const Disk disk =
      *Disk::assemble(chain(open_ploop(std::shared_ptr<ImageFile>(std::move(*file)))));
  auto scratch = create_scratch(dir.path(), disk.size());
  ASSERT_TRUE(scratch) << scratch.error().message;
  OwnStates states(disk.size());
  Overlay overlay(disk, *scratch->file, states, disk.size());
  for (Overlay* above : {static_cast<Overlay*>(nullptr), &overlay}) {
    const ServedDisk served(disk, above);
    std::array<int, 2> report{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report.data()), 0);
    std::vector<UniqueFd> theirs;
    std::vector<std::unique_ptr<SocketStream>> ours;
    for (int i = 0; i < 3; ++i) {
      std::array<int, 2> ends{};
      ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
      theirs.emplace_back(ends[0]);
      ours.push_back(std::make_unique<SocketStream>(UniqueFd(ends[1])));
    }
    const pid_t pid = ::fork();
    Beats beats;
    if (pid == 0) run_nbd_worker(served, std::move(theirs), UniqueFd(report[1]), beats);
    theirs.clear();
    ::close(report[1]);
    const UniqueFd supervisor(report[0]);
    const auto ready = wait_for_nbd_worker(supervisor);
    ASSERT_TRUE(ready) << ready.error().message;
    let_nbd_worker_serve(supervisor);
    for (uint32_t length : {512U, 30000U, 65536U, 300000U, 4U << 20}) {
      for (const auto& socket : ours) {
        const auto length_there = static_cast<uint32_t>(std::min<uint64_t>(length, disk.size()));
        ASSERT_TRUE(socket->send(nbd_request(nbd::read, 1, 0, length_there)));
        Bytes reply(nbd::kReplySize + length_there);
        ASSERT_TRUE(receive_all(*socket, reply)) << length_there;
        Bytes expected(length_there);
        ASSERT_EQ(disk.read(0, expected), 0);
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), reply.begin() + nbd::kReplySize));
      }
    }
    // A request past the end of the disk makes the worker drop data in its pipe. Then come writes.
    ASSERT_TRUE(ours[0]->send(nbd_request(nbd::read, 2, disk.size() - 65536, 1 << 20)));
    Bytes reply(nbd::kReplySize);
    ASSERT_TRUE(receive_all(*ours[0], reply));
    EXPECT_EQ(reply, nbd_reply(2, nbd::invalid));
    if (above != nullptr) {
      const Bytes data = pattern(100000, 7);
      ASSERT_TRUE(ours[1]->send(nbd_request(nbd::write, 3, 0, 100000)));
      ASSERT_TRUE(ours[1]->send(data));
      ASSERT_TRUE(receive_all(*ours[1], reply));
      EXPECT_EQ(reply, nbd_reply(3, nbd::ok));
      for (const uint16_t command : {nbd::write_zeroes, nbd::trim, nbd::flush}) {
        ASSERT_TRUE(ours[1]->send(nbd_request(command, 4, 512, command == nbd::flush ? 0 : 4096)));
        ASSERT_TRUE(receive_all(*ours[1], reply));
        EXPECT_EQ(reply, nbd_reply(4, nbd::ok));
      }
    }
    ours.clear();
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
}

}  // namespace
}  // namespace ploopu::testing
