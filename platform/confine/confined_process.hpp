// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the port Confinement (core/confine/confinement.hpp) with forked processes:
//
//   static const ConfinedProcess processes;
//   set_confinement(&processes);  // once, before the first parse
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/confine/confinement.hpp"

namespace ploopu {

// An executable file that does the work of one series. It is much smaller than this process, so a
// fork of it costs less.
struct SeriesProgram {
  std::string_view series;               // the name of the series
  std::span<const std::byte> file = {};  // its bytes; empty if there is no such program
};

// A child process does the work, as user nobody, without capabilities, in a sandbox of a few system
// calls, with 1 GiB of memory and 2 s (parsing) or 120 s (searching) of processor time. A piece of
// work of a series may take 10 s of elapsed time. Errors: ErrorKind::damaged for work that took too
// much processor time, was ended by another signal than SIGKILL and SIGALRM or sent no valid reply;
// ErrorKind::failed for everything else, also for a parser that sends nothing for as long as
// `silence`: then the storage of its file doesn't answer. The process may hang in the kernel, and
// ends when the storage answers.
class ConfinedProcess final : public Confinement {
 public:
  explicit ConfinedProcess(SeriesProgram program = {},
                           std::chrono::milliseconds silence = std::chrono::seconds(5))
      : program_(program), silence_(silence) {}

  [[nodiscard]] Result<std::string> run(const WorkTask& task, const Work& work,
                                        const Serve& serve) const override;
  [[nodiscard]] Result<std::unique_ptr<WorkSeries>> start_series(
      const SeriesWork& series) const override;
  [[nodiscard]] Result<std::unique_ptr<CommonMemory>> share(size_t bytes) const override;

 private:
  const SeriesProgram program_;
  const std::chrono::milliseconds silence_;
};

}  // namespace ploopu
