// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that confined work returns its answer, and that work which tries to do more is ended.
#include "platform/confine/confined_process.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <limits>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/check/lost_files.hpp"
#include "core/confine/confined.hpp"
#include "core/disk/disk.hpp"
#include "core/format/disk_descriptor.hpp"
#include "core/volume/partitions.hpp"
#include "platform/confine/confined_work.hpp"
#include "platform/files/posix_file_system.hpp"
#include "platform/os/unique_fd.hpp"
#include "platform/os/wait.hpp"
#include "tests/support/random_chain.hpp"
#include "tests/support/sparse_file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

class ConfinedProcessTest : public ::testing::Test {
 protected:
  ~ConfinedProcessTest() override { set_confinement(nullptr); }

  Result<std::string> run(const std::function<std::string()>& work) {
    return process_.run(
        {"the image"}, [&](Outside&) { return work(); }, nothing);
  }

  static Handed nothing(const std::string& /*request*/) { return {}; }

  ConfinedProcess process_;
};

TEST_F(ConfinedProcessTest, SendsBackWhatWorkReturns) {
  const std::string large(3 << 20, 'x');
  const auto answer = run([&] { return large; });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, large);
}

TEST_F(ConfinedProcessTest, A06_StorageThatNeverAnswersIsAnError) {
  const ConfinedProcess process({}, std::chrono::milliseconds(300));
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd silent(ends[0]);
  const UniqueFd writer(ends[1]);
  const auto start = std::chrono::steady_clock::now();
  const auto answer = process.run(
      {"the image", WorkSize::parsing, {silent.get()}},
      [&](Outside&) {
        char byte = 0;
        return std::string(static_cast<size_t>(::read(silent.get(), &byte, 1)), byte);
      },
      nothing);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::failed);
  EXPECT_EQ(answer.error().message,
            "the image: its storage does not answer: try again when it does");
}

TEST_F(ConfinedProcessTest, A06_OnlyTheSilenceOfTheWorkCounts) {
  const ConfinedProcess process({}, std::chrono::milliseconds(500));
  const Serve slowly = [](const std::string&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    return Handed();
  };
  const auto answer = process.run(
      {"the image"},
      [](Outside& outside) {
        for (int i = 0; i < 2; ++i) static_cast<void>(outside.ask("file"));
        return std::string("done");
      },
      slowly);
  ASSERT_TRUE(answer) << answer.error().message;
}

TEST_F(ConfinedProcessTest, NothingElseThatItDoesIsSeen) {
  int value = 1;
  ASSERT_TRUE(run([&] {
    value = 2;
    return std::string();
  }));
  EXPECT_EQ(value, 1);
}

TEST_F(ConfinedProcessTest, HasTheDescriptorsThatItIsGivenAndNoOther) {
  const TemporaryDirectory dir;
  std::ofstream(dir / "a") << "a";
  const UniqueFd given(::open((dir / "a").c_str(), O_RDONLY));
  const UniqueFd other(::open((dir / "a").c_str(), O_RDONLY));
  const auto answer = process_.run(
      {"a", WorkSize::parsing, {given.get()}},
      [&](Outside&) {
        std::string text(2, '?');
        if (::pread(given.get(), text.data(), 1, 0) != 1) text[0] = '-';
        if (::pread(other.get(), &text[1], 1, 0) != 1) text[1] = '-';
        struct stat status = {};
        for (const int standard : {0, 2}) {
          if (!kHasSanitizer && ::fstat(standard, &status) == 0) text += "+";
        }
        return text;
      },
      nothing);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, "a-");
}

TEST_F(ConfinedProcessTest, ACrashIsAnError) {
  const auto answer = run([] {
    *static_cast<volatile int*>(nullptr) = 1;
    return std::string("alive");
  });
  ASSERT_FALSE(answer);
  if (!kHasSanitizer) {
    EXPECT_EQ(answer.error().kind, ErrorKind::damaged);
    EXPECT_NE(answer.error().message.find("signal 11"), std::string::npos);
  }
}

TEST_F(ConfinedProcessTest, EndlessWorkIsEnded) {
  // On a busy host, two seconds of processor time may take longer than the usual limit of silence.
  const ConfinedProcess patient({}, std::chrono::minutes(1));
  const auto endless = [](Outside& /*outside*/) {
    // Unsigned, because a signed number overflows within these seconds, which a sanitizer reports.
    for (volatile unsigned i = 0;;) i = i + 1;
    return std::string();
  };
  const auto answer = patient.run({"the image"}, endless, nothing);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::damaged);
  EXPECT_NE(answer.error().message.find("2 s of processor time"), std::string::npos);
}

// However the command ends, such as by SIGKILL, its parsers end as well.
TEST_F(ConfinedProcessTest, EndsWithTheProcessThatStartedIt) {
  const auto memory = process_.share(1);
  ASSERT_TRUE(memory) << memory.error().message;
  volatile std::byte& has_begun = (*memory)->bytes().front();
  std::array<int, 2> silent{};
  std::array<int, 2> alive{};
  ASSERT_EQ(::pipe(silent.data()), 0);
  ASSERT_EQ(::pipe(alive.data()), 0);
  const UniqueFd nothing_comes(silent[0]);
  const UniqueFd nobody_writes(silent[1]);
  const UniqueFd end(alive[0]);
  UniqueFd of_work(alive[1]);
  const pid_t command = ::fork();
  ASSERT_GE(command, 0);
  if (command == 0) {
    static_cast<void>(process_.run(
        {"the image", WorkSize::searching, {silent[0], alive[1]}},
        [&](Outside& /*outside*/) {
          has_begun = std::byte{1};
          char byte = 0;
          static_cast<void>(!::read(silent[0], &byte, 1));
          return std::string();
        },
        nothing));
    ::_exit(0);
  }
  of_work.reset();
  EXPECT_TRUE(wait_until([&] { return has_begun != std::byte{0}; }, std::chrono::seconds(20)));
  ::kill(command, SIGKILL);
  ::waitpid(command, nullptr, 0);
  EXPECT_TRUE(has_event(end.get(), POLLIN, std::chrono::seconds(10)));
}

TEST_F(ConfinedProcessTest, ThereIsOneGibibyteOfMemory) {
  if (kHasSanitizer) GTEST_SKIP() << "a sanitizer needs terabytes of addresses";
  const auto take = [&](size_t bytes) {
    return run([=] { return std::to_string(std::vector<char>(bytes).size()); });
  };
  EXPECT_TRUE(take(size_t{512} << 20));
  const auto answer = take(size_t{1} << 30);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("out of memory"), std::string::npos);
}

TEST_F(ConfinedProcessTest, WhatALibraryThrowsIsAnError) {
  const auto answer = run([]() -> std::string { throw std::runtime_error("broken"); });
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("broken"), std::string::npos);
}

TEST_F(ConfinedProcessTest, MemoryInCommonIsOursAfterwards) {
  auto memory = process_.share(size_t{1} << 20);
  ASSERT_TRUE(memory) << memory.error().message;
  const auto bytes = (*memory)->bytes();
  const auto write = [&](unsigned char value) {
    return run([&] {
      bytes[70000] = std::byte{value};
      return std::string();
    });
  };
  ASSERT_TRUE(write(1));
  EXPECT_EQ(bytes[70000], std::byte{1});
  ASSERT_TRUE((*memory)->make_own(70001));
  EXPECT_EQ((*memory)->bytes().size(), 73728U) << "whole pages of what was used";
  EXPECT_EQ(bytes[70000], std::byte{1});
  // The next child inherits the memory and may not write to it. Even a write is not seen here.
  EXPECT_FALSE(write(2));
  EXPECT_EQ(bytes[70000], std::byte{1});
}

TEST_F(ConfinedProcessTest, IsNobody) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has privileges to drop";
  if (!kHasSanitizer) GTEST_SKIP() << "it may not even ask: seen where sanitizers need more calls";
  const auto answer = run([] { return fmt::format("{} {}", ::getuid(), ::getgid()); });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, "65534 65534");
}

struct Escape {
  const char* name;
  std::function<void()> work;

  friend void PrintTo(const Escape& escape, std::ostream* out) { *out << escape.name; }
};

template <class... Arguments>
Escape escape_by(const char* name, long number, Arguments... arguments) {
  return {name, [=] { ::syscall(number, arguments...); }};
}

class ParserEscapeTest : public ::testing::TestWithParam<Escape> {};

TEST_P(ParserEscapeTest, EndsTheProcess) {
  if (kHasSanitizer) GTEST_SKIP() << "a sanitizer needs more system calls";
  const auto answer = ConfinedProcess().run(
      {"it"},
      [](Outside&) {
        GetParam().work();
        return std::string("alive");
      },
      [](const std::string&) { return Handed(); });
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("signal 31"), std::string::npos) << answer.error().message;
}

const char* const kSecretFile = "/etc/passwd";

INSTANTIATE_TEST_SUITE_P(
    All, ParserEscapeTest,
    ::testing::Values(escape_by("open", SYS_openat, AT_FDCWD, kSecretFile, O_RDONLY),
                      escape_by("old_open", SYS_open, kSecretFile, 0),
                      escape_by("create", SYS_openat, AT_FDCWD, "/tmp/x", O_CREAT | O_WRONLY, 0600),
                      escape_by("stat", SYS_newfstatat, AT_FDCWD, kSecretFile, nullptr, 0),
                      escape_by("socket", SYS_socket, AF_INET, SOCK_STREAM, 0),
                      escape_by("connect", SYS_connect, 0, nullptr, 0),
                      escape_by("send", SYS_sendto, 3, "x", 1, 0, 0, 0),
                      escape_by("write_elsewhere", SYS_write, 1000, "x", 1),
                      escape_by("execve", SYS_execve, "/bin/sh", nullptr, nullptr),
                      escape_by("fork", SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr),
                      escape_by("ptrace", SYS_ptrace, 0, 0, nullptr, nullptr),
                      escape_by("kill", SYS_kill, 1, SIGKILL),
                      escape_by("executable_memory", SYS_mmap, nullptr, 4096, PROT_READ | PROT_EXEC,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                      escape_by("writable_code", SYS_mprotect, nullptr, 4096,
                                PROT_READ | PROT_WRITE | PROT_EXEC),
                      escape_by("setuid", SYS_setuid, 0),
                      escape_by("capset", SYS_capset, nullptr, nullptr),
                      escape_by("prctl", SYS_prctl, 0, 0, 0, 0, 0),
                      escape_by("limits", SYS_prlimit64, 0, 0, nullptr, nullptr),
                      escape_by("mount", SYS_mount, "none", "/mnt", "tmpfs", 0, nullptr),
                      escape_by("unshare", SYS_unshare, 0),
                      escape_by("unlink", SYS_unlinkat, AT_FDCWD, kSecretFile, 0),
                      escape_by("ioctl", SYS_ioctl, 0, 0, nullptr), escape_by("dup", SYS_dup, 0),
                      escape_by("bpf", SYS_bpf, 0, nullptr, 0),
                      escape_by("io_uring", SYS_io_uring_setup, 1, nullptr)),
    [](const auto& escape) { return escape.param.name; });

TEST_F(ConfinedProcessTest, AnAnswerIsWhatWasAnswered) {
  DiskDescriptor descriptor;
  descriptor.disk_sectors = std::numeric_limits<uint64_t>::max();
  descriptor.cluster_sectors = 7;
  descriptor.top_guid = "{a}";
  descriptor.images = {{"{b}", true, "b\xff\n", "/d"}, {"{c}", false, "", ""}};
  descriptor.shots = {{"{b}", "{c}"}};
  descriptor.oddities = {"odd"};
  set_confinement(&process_);
  const auto same =
      confined<DiskDescriptor>({"it"}, [&] { return Result<DiskDescriptor>(descriptor); });
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_EQ(*same, descriptor);
  const auto error = confined<DiskDescriptor>(
      {"it"}, [&]() -> Result<DiskDescriptor> { return fail(ErrorKind::busy, "later"); });
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().kind, ErrorKind::busy);
  EXPECT_EQ(error.error().message, "later");
}

}  // namespace
}  // namespace ploopu::testing
