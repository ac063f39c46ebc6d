// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/image_changes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <list>
#include <optional>
#include <span>

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

using Clock = std::chrono::steady_clock;

// For all images together.
constexpr std::chrono::seconds kAnswerLimit{2};
// How long one process looks at an image before the images behind it get processes of their own.
constexpr std::chrono::milliseconds kPatience{200};
constexpr std::chrono::milliseconds kExitLimit{100};

// The state of a path, in the form that goes through a pipe.
struct Answer {
  int error = 0;
  ImageFileFacts facts;
};

Answer look_at(const std::string& path) {
  struct stat now = {};
  if (::stat(path.c_str(), &now) != 0) return {errno, {}};
  return {0, facts_of(now)};
}

// A process that looks at paths, because a look at storage that no longer answers hangs.
class PathLooker {
 public:
  // Looks at all files of these images, one after the other.
  explicit PathLooker(std::span<const AskedImage> images) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    answers_ = UniqueFd(ends[0]);
    const UniqueFd theirs(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) answer_all(images, theirs.get());
  }
  PathLooker(const PathLooker&) = delete;
  PathLooker& operator=(const PathLooker&) = delete;
  ~PathLooker() { wait_for_exit(Clock::now() + kExitLimit); }

  // Ends the process without a wait.
  void kill() const {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }
  // Waits until the process has ended, at most until `deadline`. A process that hangs in the kernel
  // ends when the storage answers.
  void wait_for_exit(Clock::time_point deadline) {
    kill();
    if (pid_ > 0) {
      const auto left = std::max<Clock::duration>(deadline - Clock::now(), {});
      static_cast<void>(wait_until([&] { return ::waitpid(pid_, nullptr, WNOHANG) != 0; },
                                   std::chrono::ceil<std::chrono::milliseconds>(left)));
    }
    pid_ = -1;
  }

  // Returns the next answer, or nothing if there is none before the deadline. After nothing, call
  // it no more.
  [[nodiscard]] std::optional<Answer> next(Clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        std::max<Clock::duration>(deadline - Clock::now(), {}));
    struct pollfd event = {answers_.get(), POLLIN, 0};
    if (pid_ <= 0 || ::poll(&event, 1, static_cast<int>(left.count())) != 1) return std::nullopt;
    Answer answer;
    const bool is_whole = ::read(answers_.get(), &answer, sizeof answer) == ssize_t{sizeof answer};
    return is_whole ? std::optional(answer) : std::nullopt;
  }

 private:
  [[noreturn]] static void answer_all(std::span<const AskedImage> images, int pipe) {
    for (const auto& image : images) {
      for (const auto& file : image.then.files) {
        const Answer answer = look_at(file.path);
        if (::write(pipe, &answer, sizeof answer) != ssize_t{sizeof answer}) ::_exit(1);
      }
    }
    ::_exit(0);
  }

  UniqueFd answers_;
  pid_t pid_ = -1;
};

// Returns what is now at the path of each file. From the first path on that doesn't answer before
// the deadline, all files get ETIMEDOUT, and `has_answered` becomes false.
std::vector<FileNow> look_at_files(PathLooker& looker, const ImageState& then,
                                   Clock::time_point deadline, bool& has_answered) {
  std::vector<FileNow> found;
  for (const auto& file : then.files) {
    const auto answer = has_answered ? looker.next(deadline) : std::nullopt;
    has_answered = answer.has_value();
    const auto [error, facts] = answer.value_or(Answer{ETIMEDOUT, {}});
    found.push_back({error, {facts.identity, file.path, facts.size, facts.modified}});
  }
  return found;
}

// Looks at each image in a process of its own, at all of them at once.
void look_at_each(std::span<const AskedImage> images, Clock::time_point deadline,
                  std::vector<ImageChanges>& changes) {
  std::list<PathLooker> lookers;
  for (size_t i = 0; i < images.size(); ++i) lookers.emplace_back(images.subspan(i, 1));
  auto looker = lookers.begin();
  for (const auto& image : images) {
    bool has_answered = true;
    const auto found = look_at_files(*looker++, image.then, deadline, has_answered);
    changes.push_back(compare(image.then, found, image.is_strict));
  }
  for (const auto& each : lookers) each.kill();
  const auto exit_deadline = Clock::now() + kExitLimit;
  for (auto& each : lookers) each.wait_for_exit(exit_deadline);
}

}  // namespace

std::vector<ImageChanges> find_changes(const std::vector<AskedImage>& images) {
  const auto deadline = Clock::now() + kAnswerLimit;
  const std::span<const AskedImage> all(images);
  std::vector<ImageChanges> changes;
  // Nearly always all storage answers, and one process is enough.
  PathLooker looker(all);
  for (const auto& image : images) {
    bool has_answered = true;
    const auto found = look_at_files(looker, image.then,
                                     std::min(Clock::now() + kPatience, deadline), has_answered);
    if (!has_answered) break;
    changes.push_back(compare(image.then, found, image.is_strict));
  }
  look_at_each(all.subspan(changes.size()), deadline, changes);
  return changes;
}

}  // namespace ploopu
