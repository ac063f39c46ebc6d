// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace ploopu::testing {

// A process that holds a resource until this object is destroyed. The constructor returns when the
// process holds the resource; is_holding() is false if the process failed.
class HoldingProcess {
 public:
  // `take` runs in the new process and must only make system calls.
  template <class Take>
  explicit HoldingProcess(Take take) {
    start([&] {
      const char byte = 'x';
      if (!take() || ::write(ready_[1], &byte, 1) != 1) return;
      char end = 0;
      static_cast<void>(!::read(stay_[0], &end, 1));
    });
  }

  // Runs a program that writes a byte when it holds the resource, and ends at the end of its
  // standard input.
  explicit HoldingProcess(const std::vector<std::string>& command) {
    start([&] {
      std::vector<char*> words;
      for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
      words.push_back(nullptr);
      ::dup2(stay_[0], STDIN_FILENO);
      ::dup2(ready_[1], STDOUT_FILENO);
      for (const int fd : {stay_[0], ready_[1]}) ::close(fd);
      ::execvp(words[0], words.data());
    });
  }

  ~HoldingProcess() {
    ::close(stay_[1]);
    ::waitpid(pid_, nullptr, 0);
    ::close(ready_[0]);
  }
  HoldingProcess(const HoldingProcess&) = delete;
  HoldingProcess& operator=(const HoldingProcess&) = delete;

  [[nodiscard]] bool is_holding() const { return is_holding_; }
  [[nodiscard]] std::string id() const { return "(pid " + std::to_string(pid_) + ")"; }

 private:
  template <class Body>
  void start(Body body) {
    if (::pipe(ready_.data()) != 0 || ::pipe(stay_.data()) != 0) {
      throw std::runtime_error("pipe failed");
    }
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(stay_[1]);  // the child would wait for itself
      ::close(ready_[0]);
      body();
      ::_exit(0);
    }
    ::close(ready_[1]);
    ::close(stay_[0]);
    char byte = 0;
    is_holding_ = ::read(ready_[0], &byte, 1) == 1;
  }

  std::array<int, 2> ready_{};
  std::array<int, 2> stay_{};
  pid_t pid_ = 0;
  bool is_holding_ = false;
};

}  // namespace ploopu::testing
