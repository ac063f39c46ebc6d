// SPDX-License-Identifier: GPL-2.0-or-later
// The port to processes without rights. core parses untrusted bytes in them, so a parser that such
// bytes take over can do no harm. platform/confine implements it. Core and platform call
// confined() of core/confine/confined.hpp, which uses this port:
//
//     PLOOPU_TRY(const auto bytes, confinement()->run(task, work, serve));  // bytes of the work
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/files/file_system.hpp"

namespace ploopu {

// How much processor time a piece of work may take.
enum class WorkSize {
  parsing,    // as much as the largest sound image needs, and some more
  searching,  // as much as reading through a whole file system needs
};

struct WorkTask {
  std::string what;  // the file that is parsed, for messages
  WorkSize size = WorkSize::parsing;
  std::vector<int> descriptors = {};  // open files that the work may read from the start
};

// The answer to a request of the work: bytes, and perhaps a file to read from.
struct Handed {
  std::string bytes;
  std::shared_ptr<const ImageFile> file;
};

// The port from confined work to the process that started it.
//
//     const Handed handed = outside.ask(request);
class Outside {
 public:
  Outside() = default;
  virtual ~Outside() = default;
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

  // Sends the request to the Serve of the work and waits for its answer.
  [[nodiscard]] virtual Handed ask(const std::string& request) = 0;
};

// The work of a confined process, which runs without rights. Returns the encoded answer.
using Work = std::function<std::string(Outside& outside)>;
// Answers a request in the process that started the work. It trusts a request no more than the
// bytes that the work parses, since these may have taken the work over.
using Serve = std::function<Handed(const std::string& request)>;

// The port to memory that a piece of work fills for its caller.
//
//     PLOOPU_TRY(const auto memory, confinement()->share(size));
//     PLOOPU_TRY(const auto used, confined<uint64_t>(task, [&] { return fill(memory->bytes()); }));
//     PLOOPU_CHECK(memory->make_own(used));
class CommonMemory {
 public:
  CommonMemory() = default;
  virtual ~CommonMemory() = default;
  CommonMemory(const CommonMemory&) = delete;
  CommonMemory& operator=(const CommonMemory&) = delete;

  [[nodiscard]] virtual std::span<std::byte> bytes() const = 0;
  // Call it when the work is done. Keeps the first `used` bytes, read-only from now on; writes of
  // another process to that memory no longer show here.
  [[nodiscard]] virtual Result<void> make_own(size_t used) = 0;
};

// Work that is the same for many arguments.
struct SeriesWork {
  std::string name;  // tells it from other work
  // The work sees all memory as it was when the series began, so it refers to nothing that changes.
  std::function<std::string(const std::string& argument, Outside& outside)> work;
  // An argument without bytes of strangers. The work is done once with it, so that the cost of the
  // first time, such as finding the functions of libraries, arises once. A request of the rehearsal
  // gets an empty answer.
  std::string rehearsal;
};

// The port to work that is done again and again, each time in a new process, so that no piece can
// influence another.
//
//     PLOOPU_TRY(const auto series, confinement()->start_series(figure_series()));
//     PLOOPU_TRY(const auto bytes, series->run({path}, argument, serve));
class WorkSeries {
 public:
  WorkSeries() = default;
  virtual ~WorkSeries() = default;
  WorkSeries(const WorkSeries&) = delete;
  WorkSeries& operator=(const WorkSeries&) = delete;

  // Does the work of Confinement::start_series() with `argument`, by the rules of
  // Confinement::run(). The task has no descriptors.
  [[nodiscard]] virtual Result<std::string> run(const WorkTask& task, const std::string& argument,
                                                const Serve& serve) = 0;
};

class Confinement {
 public:
  Confinement() = default;
  virtual ~Confinement() = default;
  Confinement(const Confinement&) = delete;
  Confinement& operator=(const Confinement&) = delete;

  // Does `work` in a process without rights, whose memory and time are bounded, and returns its
  // answer, which deserves no more trust than the parsed bytes. The only file descriptors there are
  // those of the task and those of files that `serve` hands out. Of the changes that the work
  // makes, only those to shared memory show here. ErrorKind::damaged for work that crashed, took
  // too long or sent no valid answer; ErrorKind::failed if the process could not do the work.
  [[nodiscard]] virtual Result<std::string> run(const WorkTask& task, const Work& work,
                                                const Serve& serve) const = 0;

  // Prepares many pieces of work, which cost less than with run().
  [[nodiscard]] virtual Result<std::unique_ptr<WorkSeries>> start_series(
      const SeriesWork& series) const = 0;

  // Makes zeroed memory that this process shares with its work. Pages that nobody touches cost
  // nothing.
  [[nodiscard]] virtual Result<std::unique_ptr<CommonMemory>> share(size_t bytes) const = 0;
};

// The confinement for all parsing of this process; nullptr, as at the start, if parsers run in this
// process. Set it before any parsing; the object outlives all parsing.
[[nodiscard]] const Confinement* confinement();
void set_confinement(const Confinement* confinement);

}  // namespace ploopu
