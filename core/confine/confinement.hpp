// SPDX-License-Identifier: GPL-2.0-or-later
// The port through which core has bytes of strangers parsed where a parser that such bytes take
// over can do no harm. Implemented by platform/confine. Core and platform use confined(), which is
// in core/confine/confined.hpp, and not this port.
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
  searching,  // reads through a whole file system
};

struct WorkTask {
  std::string what;  // the file that is parsed, for messages
  WorkSize size = WorkSize::parsing;
  std::vector<int> descriptors = {};  // files that the work may read from the start
};

// Something that work is handed on request: bytes, and perhaps a file to read from.
struct Handed {
  std::string bytes;
  std::shared_ptr<const ImageFile> file;
};

// The way from confined work to the process that started it.
class Outside {
 public:
  Outside() = default;
  virtual ~Outside() = default;
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

  // Waits for the answer of Serve.
  [[nodiscard]] virtual Handed ask(const std::string& request) = 0;
};

// Runs without rights. Returns its answer.
using Work = std::function<std::string(Outside& outside)>;
// Runs in the process that started the work, for each request. Believes a request no more than the
// bytes that the work parses: whoever took the work over wrote the request.
using Serve = std::function<Handed(const std::string& request)>;

// Memory that one piece of work fills for its caller.
class CommonMemory {
 public:
  CommonMemory() = default;
  virtual ~CommonMemory() = default;
  CommonMemory(const CommonMemory&) = delete;
  CommonMemory& operator=(const CommonMemory&) = delete;

  [[nodiscard]] virtual std::span<std::byte> bytes() const = 0;
  // To be called when the work is done. Keeps the first `used` bytes, which can only be read from
  // now on; nothing that another process writes there is seen here any more.
  [[nodiscard]] virtual Result<void> make_own(size_t used) = 0;
};

// Does the same work again and again, each time in a process that has seen none of the others.
class WorkSeries {
 public:
  WorkSeries() = default;
  virtual ~WorkSeries() = default;
  WorkSeries(const WorkSeries&) = delete;
  WorkSeries& operator=(const WorkSeries&) = delete;

  // As Confinement::run(), for work that was given to Confinement::start_series(). The task has no
  // descriptors.
  [[nodiscard]] virtual Result<std::string> run(const WorkTask& task, const std::string& argument,
                                                const Serve& serve) = 0;
};
using SeriesWork = std::function<std::string(const std::string& argument, Outside& outside)>;

class Confinement {
 public:
  Confinement() = default;
  virtual ~Confinement() = default;
  Confinement(const Confinement&) = delete;
  Confinement& operator=(const Confinement&) = delete;

  // Does `work` with no rights, no descriptor but those of the task and those that `serve` hands
  // out, and bounded memory and time, and returns what it returned: bytes that are to be believed
  // no more than those it has parsed. Nothing else that it changes is seen here, but for shared
  // memory.
  [[nodiscard]] virtual Result<std::string> run(const WorkTask& task, const Work& work,
                                                const Serve& serve) const = 0;

  // For many pieces of work, which are cheaper than with run(). `work` refers to nothing that
  // changes: all of it is as it was when the series began. `rehearsal` is an argument that is no
  // stranger's: the work is done once with it, so that what is needed the first time only, as to
  // find the functions of libraries, is done once for all. It gets nothing from outside.
  [[nodiscard]] virtual Result<std::unique_ptr<WorkSeries>> start_series(
      const SeriesWork& work, const std::string& rehearsal) const = 0;

  // Zeroed; the part that nobody touches costs nothing.
  [[nodiscard]] virtual Result<std::unique_ptr<CommonMemory>> share(size_t bytes) const = 0;
};

// What all parsing of this process goes through; nullptr, as it is in the beginning, when the
// caller may do it himself. To be set before anything is parsed; the object outlives all that.
[[nodiscard]] const Confinement* confinement();
void set_confinement(const Confinement* confinement);

}  // namespace ploopu
