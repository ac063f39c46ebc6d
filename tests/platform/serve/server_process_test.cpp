// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/server_process.hpp"

#include <array>
#include <chrono>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "platform/confine/confined_work.hpp"
#include "platform/os/wait.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds kPatience{20};

// A service that writes a letter to a pipe for each call of a method.
class PipeService final : public Service {
 public:
  PipeService() {
    if (::pipe2(report_.data(), O_CLOEXEC) != 0 || ::pipe2(end_.data(), O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe2");
    }
  }
  ~PipeService() override {
    for (const int fd : {report_[0], report_[1], end_[0], end_[1]}) ::close(fd);
  }

  Result<std::string> start() override {
    say('s');
    if (refuse) return fail(ErrorKind::busy, "no device");
    return "/dev/fake7";
  }
  void wait() override {
    char word = 0;
    while (!stopped_ && ::read(end_[0], &word, 1) < 0) continue;
    say('w');
  }
  Result<void> stop() override {
    say('x');
    if (in_use) return fail(ErrorKind::busy, "in use");
    stopped_ = true;
    return {};
  }
  void clean_up() override { say('c'); }

  [[nodiscard]] std::vector<int> keep() const { return {report_[1], end_[0]}; }
  void let_go() const { EXPECT_EQ(::write(end_[1], "e", 1), 1); }

  // Returns all letters, after the server has ended.
  std::string story() {
    ::close(report_[1]);
    report_[1] = -1;
    std::string text;
    std::array<char, 16> buffer{};
    struct pollfd event = {report_[0], POLLIN, 0};
    while (::poll(&event, 1, 20000) == 1) {
      const ssize_t got = ::read(report_[0], buffer.data(), buffer.size());
      if (got <= 0) return text;
      text.append(buffer.data(), static_cast<size_t>(got));
    }
    return text + " (and still running)";
  }

  bool refuse = false;
  bool in_use = false;

 private:
  void say(char letter) const { static_cast<void>(!::write(report_[1], &letter, 1)); }

  std::array<int, 2> report_{};
  std::array<int, 2> end_{};
  bool stopped_ = false;
};

// Launches servers with a lock, as the back ends do with the lock of the runtime directory.
class ServerProcessTest : public ::testing::Test {
 protected:
  Result<ServerProcess> launch(Service& service_of_it) {
    const auto& pipes = dynamic_cast<const PipeService&>(service_of_it);
    return ServerProcess::launch(service_of_it, pipes.keep(), lock_.get(), "test-server");
  }

  UniqueFd open_lock() {
    UniqueFd fd(::open((dir_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    return ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 ? std::move(fd) : UniqueFd();
  }

  TemporaryDirectory dir_;
  UniqueFd lock_ = open_lock();
};

TEST_F(ServerProcessTest, AKeptServerLivesUntilItsDeviceGoes) {
  PipeService service;
  ProcessIdentity identity;
  {
    auto server = launch(service);
    ASSERT_TRUE(server) << server.error().message;
    EXPECT_EQ(server->started(), "/dev/fake7");
    identity = server->identity();
    ASSERT_TRUE(server->keep());
  }
  EXPECT_TRUE(is_alive(identity));
  EXPECT_THAT(describe_process(identity.pid), HasSubstr("test-server"));
  EXPECT_EQ(::getsid(identity.pid), identity.pid);  // SIGHUP of the shell doesn't reach it
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) ::kill(identity.pid, signal);
  EXPECT_TRUE(is_alive(identity));
  service.let_go();
  EXPECT_TRUE(wait_for_exit(identity, kPatience));
  EXPECT_EQ(service.story(), "swc");
}

TEST_F(ServerProcessTest, OneThatIsNotKeptTakesEverythingDown) {
  PipeService service;
  ProcessIdentity identity;
  {
    const auto server = launch(service);
    ASSERT_TRUE(server);
    identity = server->identity();
  }
  EXPECT_FALSE(is_alive(identity));
  EXPECT_EQ(service.story(), "sxwc");
}

TEST_F(ServerProcessTest, SoDoesOneWhoseCommandWasKilled) {
  PipeService service;
  const pid_t command = ::fork();
  ASSERT_GE(command, 0);
  if (command == 0) {
    const auto server = launch(service);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(command, nullptr, 0);
  EXPECT_EQ(service.story(), "sxwc");
}

TEST_F(ServerProcessTest, AFailedStartIsReportedAndLeavesNoProcess) {
  PipeService service;
  service.refuse = true;
  const auto server = launch(service);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().kind, ErrorKind::busy);
  EXPECT_EQ(server.error().message, "no device");
  EXPECT_EQ(service.story(), "sc");
}

// Until the server knows whether it is kept, no other command may change what it may have to undo.
TEST_F(ServerProcessTest, TheLockIsHeldOnUntilItIsDecided) {
  PipeService service;
  {
    auto server = launch(service);
    ASSERT_TRUE(server);
    lock_.reset();
    EXPECT_FALSE(open_lock().valid());
    ASSERT_TRUE(server->keep());
  }
  EXPECT_TRUE(wait_until([&] { return open_lock().valid(); }, kPatience));
  service.let_go();
  EXPECT_EQ(service.story(), "swc");
}

TEST_F(ServerProcessTest, WhatIsInUseAlreadyIsServedOn) {
  PipeService service;
  service.in_use = true;
  const pid_t command = ::fork();
  ASSERT_GE(command, 0);
  if (command == 0) {
    const auto server = launch(service);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(command, nullptr, 0);
  lock_.reset();
  EXPECT_TRUE(wait_until([&] { return open_lock().valid(); }, kPatience));
  service.let_go();
  EXPECT_EQ(service.story(), "sxwc");
}

// A process that can't be looked at, for want of a descriptor, counts as running, and isn't killed.
TEST_F(ServerProcessTest, AProcessThatTheKernelDoesNotShowCountsAsRunning) {
  if (kHasSanitizer) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  PipeService service;
  auto server = launch(service);
  ASSERT_TRUE(server) << server.error().message;
  const ProcessIdentity now = server->identity();
  ASSERT_TRUE(server->keep());
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool is_identified = identify_process(now.pid).has_value();
  const bool is_running = state_of(now) == ProcessState::running;
  const bool has_ended = end_process(now, std::chrono::milliseconds(0));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(is_identified);
  EXPECT_TRUE(is_running);
  EXPECT_FALSE(has_ended);
  EXPECT_TRUE(is_alive(now));
  EXPECT_TRUE(end_process(now, std::chrono::milliseconds(0)) || wait_for_exit(now, kPatience));
}

// A process that got the ID of a dead server is neither waited for nor killed.
TEST_F(ServerProcessTest, H71_AProcessWithAReusedNumberIsLeftAlone) {
  PipeService service;
  auto server = launch(service);
  ASSERT_TRUE(server) << server.error().message;
  const ProcessIdentity now = server->identity();
  ASSERT_TRUE(server->keep());
  for (const uint64_t start : {now.start_time - 1, now.start_time + 1, UINT64_MAX, uint64_t{0}}) {
    const ProcessIdentity former = {now.pid, start};
    EXPECT_FALSE(is_alive(former));
    EXPECT_TRUE(wait_for_exit(former, kPatience));
    EXPECT_TRUE(end_process(former, std::chrono::milliseconds(0)));
    EXPECT_TRUE(is_alive(now));
  }
  EXPECT_TRUE(end_process(now, std::chrono::milliseconds(0)) || wait_for_exit(now, kPatience));
  EXPECT_FALSE(is_alive(now));
  EXPECT_EQ(service.story(), "s");  // the server was killed after start()
}

// A shell that reads the output of the command to its end must not wait for the server.
TEST_F(ServerProcessTest, HoldsNoOtherDescriptorOpen) {
  std::array<int, 2> other{};
  ASSERT_EQ(::pipe(other.data()), 0);
  PipeService service;
  auto server = launch(service);
  ASSERT_TRUE(server);
  ASSERT_TRUE(server->keep());
  ::close(other[1]);
  struct pollfd event = {other[0], POLLIN, 0};
  EXPECT_EQ(::poll(&event, 1, 20000), 1);
  EXPECT_NE(event.revents & POLLHUP, 0);
  ::close(other[0]);
  service.let_go();
  EXPECT_EQ(service.story(), "swc");
}

}  // namespace
}  // namespace ploopu::testing
