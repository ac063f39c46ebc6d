// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/manual_page.hpp"

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/os/retry.hpp"

namespace ploopu {
namespace {

// True if `man ARGUMENTS...` exits with 0. Its output is discarded.
bool man_succeeds(char* const* arguments) {
  posix_spawn_file_actions_t files{};
  ::posix_spawn_file_actions_init(&files);
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    ::posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_WRONLY, 0);
  }
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, "man", &files, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) return false;
  int status = 0;
  // The wait ends when the user closes the page.
  if (retry([&] { return ::waitpid(pid, &status, 0); }) < 0) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

void show_manual_page(const std::string& name) {
  if (::isatty(STDOUT_FILENO) == 0) return;
  std::string man = "man";
  std::string where = "-w";
  std::string section = "8";
  std::string page = name;
  using Arguments = std::vector<char*>;
  const Arguments asking = {man.data(), where.data(), section.data(), page.data(), nullptr};
  const Arguments showing = {man.data(), section.data(), page.data(), nullptr};
  if (man_succeeds(asking.data())) ::execvp(man.c_str(), showing.data());
}

}  // namespace ploopu
