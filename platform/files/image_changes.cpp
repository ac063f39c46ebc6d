// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/image_changes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/files/posix_image_file.hpp"
#include "platform/os/unique_fd.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

constexpr std::chrono::seconds kAnswerLimit{2};
constexpr std::chrono::milliseconds kExitLimit{100};

// What stands under the path of a file.
struct Answer {
  int error = ETIMEDOUT;
  FileIdentity identity;
  uint64_t size = 0;
  int64_t modified = 0;
};

Answer ask(const std::string& path) {
  struct stat now = {};
  if (::stat(path.c_str(), &now) != 0) return {errno, {}, 0, 0};
  const ImageFileFacts facts = facts_of(now);
  return {0, facts.identity, facts.size, facts.modified};
}

[[noreturn]] void answer_all(const std::vector<ChainFile>& chain, int pipe) {
  for (const auto& file : chain) {
    const Answer answer = ask(file.path);
    if (::write(pipe, &answer, sizeof answer) != ssize_t{sizeof answer}) break;
  }
  ::_exit(0);
}

// In a process of its own: whoever asks a server that doesn't answer any more hangs.
std::vector<Answer> ask_for_all(const std::vector<ChainFile>& chain) {
  std::vector<Answer> answers(chain.size());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return answers;
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return answers;
  if (pid == 0) answer_all(chain, theirs.get());
  theirs.reset();
  const auto deadline = std::chrono::steady_clock::now() + kAnswerLimit;
  for (auto& answer : answers) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        std::max(deadline - std::chrono::steady_clock::now(), {}));
    struct pollfd event = {ours.get(), POLLIN, 0};
    if (::poll(&event, 1, static_cast<int>(left.count())) != 1) break;
    if (Answer got; ::read(ours.get(), &got, sizeof got) == ssize_t{sizeof got}) answer = got;
  }
  ::kill(pid, SIGKILL);
  // One that can't even be killed is left to itself.
  static_cast<void>(wait_until([&] { return ::waitpid(pid, nullptr, WNOHANG) != 0; }, kExitLimit));
  return answers;
}

void compare(const ChainFile& then, const Answer& now, bool is_strict, ChainChanges& changes) {
  const auto add = [&](const char* what) {
    changes.lines.push_back(fmt::format("{}: {}", then.path, what));
  };
  const bool is_gone = now.error == ENOENT || now.error == ENOTDIR;
  if (now.error != 0 && !is_gone) {
    add(now.error == ETIMEDOUT ? "does not answer: whether it was changed is not known"
                               : "can't be looked at: whether it was changed is not known");
    if (!changes.any.value_or(false)) changes.any.reset();
    return;
  }
  const bool is_other = now.identity != then.identity;
  if (!is_gone && !is_other && now.size == then.size && now.modified == then.modified) return;
  changes.any = true;
  add(is_gone     ? "is not there any more: what was there is served until it is detached"
      : is_other  ? "is another file now: the one that was there is served until it is detached"
      : is_strict ? "was written to since it was attached: nothing is read any more (--strict)"
                  : "was written to since it was attached: what is read may mix old and new");
}

ChainChanges compare_all(const std::vector<ChainFile>& chain, const std::vector<Answer>& answers,
                         bool is_strict) {
  ChainChanges changes;
  changes.any = false;
  for (size_t i = 0; i < chain.size(); ++i) compare(chain[i], answers[i], is_strict, changes);
  return changes;
}

bool is_known(const std::vector<ChainFile>& chain) {
  return !chain.empty() && !chain.front().path.empty();
}

}  // namespace

std::vector<ChainFile> chain_of(const Disk& disk) {
  std::vector<ChainFile> chain;
  for (const auto& delta : disk.deltas()) {
    const ImageFile& file = delta.file();
    chain.push_back({file.identity(), delta.name(), file.size(), file.modified()});
  }
  return chain;
}

bool is_same_chain(const std::vector<ChainFile>& a, const std::vector<ChainFile>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const ChainFile& x, const ChainFile& y) { return x.identity == y.identity; });
}

ChainChanges find_changes(const std::vector<ChainFile>& chain, bool is_strict) {
  return is_known(chain) ? compare_all(chain, ask_for_all(chain), is_strict) : ChainChanges();
}

ChainChanges find_changes(const std::vector<ChainFile>& chain, const Disk& now, bool is_strict) {
  const auto opened = chain_of(now);
  if (!is_known(chain) || !is_same_chain(chain, opened)) return {};
  std::vector<Answer> answers;
  answers.reserve(opened.size());
  for (const auto& file : opened) {
    answers.push_back({0, file.identity, file.size, file.modified});
  }
  return compare_all(chain, answers, is_strict);
}

}  // namespace ploopu
