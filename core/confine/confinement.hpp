// SPDX-License-Identifier: GPL-2.0-or-later
// The port through which core has bytes of strangers parsed where a parser that they take over
// can do no harm. Implemented by platform/confined_process. Core and platform go through
// confined(), which is in core/confined.hpp.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace ploopu {

// How much processor time a piece of work may take.
enum class WorkSize {
  parsing,    // as much as the largest sound image needs, and some more
  searching,  // reads through a whole file system
};

// Memory that one piece of work fills for its caller.
class CommonMemory {
 public:
  CommonMemory() = default;
  virtual ~CommonMemory() = default;
  CommonMemory(const CommonMemory&) = delete;
  CommonMemory& operator=(const CommonMemory&) = delete;

  [[nodiscard]] virtual std::span<std::byte> bytes() const = 0;
  // When the work is done: nothing that another process writes there is seen here any more.
  [[nodiscard]] virtual Result<void> make_own() = 0;
};

class Confinement {
 public:
  Confinement() = default;
  virtual ~Confinement() = default;
  Confinement(const Confinement&) = delete;
  Confinement& operator=(const Confinement&) = delete;

  // Does `work` with no rights, no descriptor but `descriptors`, and bounded memory and time, and
  // returns what it returned: bytes that are to be believed no more than those it has parsed.
  // Nothing else that it changes is seen here, but for shared memory. `what` is being parsed, for
  // messages.
  [[nodiscard]] virtual Result<std::string> run(const std::string& what, WorkSize size,
                                                const std::vector<int>& descriptors,
                                                const std::function<std::string()>& work) const = 0;

  // Zeroed; what nobody touches of it costs nothing.
  [[nodiscard]] virtual Result<std::unique_ptr<CommonMemory>> share(size_t bytes) const = 0;
};

// What all parsing of this process goes through; nullptr, as it is in the beginning, when the
// caller may do it himself. To be set before anything is parsed; the object outlives all that.
[[nodiscard]] const Confinement* confinement();
void set_confinement(const Confinement* confinement);

}  // namespace ploopu
