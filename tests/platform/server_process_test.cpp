// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/server_process.hpp"

#include <array>
#include <chrono>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds kPatience{20};

// Tells what happens in it through a pipe: one letter for each call.
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
  void stop() override {
    stopped_ = true;
    say('x');
  }
  void clean_up() override { say('c'); }

  [[nodiscard]] std::vector<int> keep() const { return {report_[1], end_[0]}; }
  void let_go() const { EXPECT_EQ(::write(end_[1], "e", 1), 1); }

  // Everything said until the server has ended.
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

 private:
  void say(char letter) const { static_cast<void>(!::write(report_[1], &letter, 1)); }

  std::array<int, 2> report_{};
  std::array<int, 2> end_{};
  bool stopped_ = false;
};

TEST(ServerProcess, AKeptServerLivesUntilItsDeviceGoes) {
  PipeService service;
  ProcessIdentity identity;
  {
    auto server = ServerProcess::launch(service, service.keep(), "test-server");
    ASSERT_TRUE(server) << server.error().message;
    EXPECT_EQ(server->started(), "/dev/fake7");
    identity = server->identity();
    ASSERT_TRUE(server->keep());
  }
  EXPECT_TRUE(is_alive(identity));
  EXPECT_THAT(describe_process(identity.pid), HasSubstr("test-server"));
  EXPECT_EQ(::getsid(identity.pid), identity.pid);  // the shell's hang-up doesn't reach it
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) ::kill(identity.pid, signal);
  EXPECT_TRUE(is_alive(identity));
  service.let_go();
  EXPECT_TRUE(wait_for_exit(identity, kPatience));
  EXPECT_EQ(service.story(), "swc");
}

TEST(ServerProcess, OneThatIsNotKeptTakesEverythingDown) {
  PipeService service;
  ProcessIdentity identity;
  {
    const auto server = ServerProcess::launch(service, service.keep(), "test-server");
    ASSERT_TRUE(server);
    identity = server->identity();
  }
  EXPECT_FALSE(is_alive(identity));
  EXPECT_EQ(service.story(), "sxwc");
}

TEST(ServerProcess, SoDoesOneWhoseCommandWasKilled) {
  PipeService service;
  const pid_t command = ::fork();
  ASSERT_GE(command, 0);
  if (command == 0) {
    const auto server = ServerProcess::launch(service, service.keep(), "test-server");
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(command, nullptr, 0);
  EXPECT_EQ(service.story(), "sxwc");
}

TEST(ServerProcess, AFailedStartIsReportedAndLeavesNoProcess) {
  PipeService service;
  service.refuse = true;
  const auto server = ServerProcess::launch(service, service.keep(), "test-server");
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().kind, ErrorKind::busy);
  EXPECT_EQ(server.error().message, "no device");
  EXPECT_EQ(service.story(), "sc");
}

// A shell that reads the command's output to its end must not wait for the server.
TEST(ServerProcess, HoldsNoOtherDescriptorOpen) {
  std::array<int, 2> other{};
  ASSERT_EQ(::pipe(other.data()), 0);
  PipeService service;
  auto server = ServerProcess::launch(service, service.keep(), "test-server");
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
