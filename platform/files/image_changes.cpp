// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/image_changes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
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

constexpr std::chrono::seconds kAnswerLimit{2};
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
  ~PathLooker() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    // A process that hangs in the kernel ends when the storage answers.
    static_cast<void>(
        wait_until([&] { return ::waitpid(pid_, nullptr, WNOHANG) != 0; }, kExitLimit));
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

// Appends to `found` what is now at the path of each file. Returns false if a path doesn't answer;
// this file and the files after it get ETIMEDOUT.
bool look_at_files(PathLooker& looker, const ImageState& then, std::vector<FileNow>& found) {
  const auto deadline = Clock::now() + kAnswerLimit;
  bool has_answered = true;
  for (const auto& file : then.files) {
    const auto answer = has_answered ? looker.next(deadline) : std::nullopt;
    has_answered = answer.has_value();
    const auto [error, facts] = answer.value_or(Answer{ETIMEDOUT, {}});
    found.push_back({error, {facts.identity, file.path, facts.size, facts.modified}});
  }
  return has_answered;
}

}  // namespace

std::vector<ImageChanges> find_changes(const std::vector<AskedImage>& images) {
  const std::span<const AskedImage> all(images);
  std::vector<ImageChanges> changes;
  // A process looks at all images. After an image that doesn't answer, a new process continues with
  // the next image.
  while (changes.size() < images.size()) {
    PathLooker looker(all.subspan(changes.size()));
    bool has_answered = true;
    while (has_answered && changes.size() < images.size()) {
      const AskedImage& image = images[changes.size()];
      std::vector<FileNow> found;
      has_answered = look_at_files(looker, image.then, found);
      changes.push_back(compare(image.then, found, image.is_strict));
    }
  }
  return changes;
}

}  // namespace ploopu
