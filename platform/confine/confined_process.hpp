// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the port Confinement (core/confine/confinement.hpp) with forked processes:
//
//   static const ConfinedProcess processes;
//   set_confinement(&processes);  // once, before the first parse
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/confine/confinement.hpp"

namespace ploopu {

// A child process does the work, as user nobody, without capabilities, in a sandbox of a few system
// calls, with 1 GiB of memory and 2 s (parsing) or 120 s (searching) of processor time. Errors:
// ErrorKind::damaged for work that took too much time, was ended by another signal than SIGKILL or
// sent no valid reply; ErrorKind::failed for everything else, also for a parser that sends nothing
// for as long as `silence`: then the storage of its file doesn't answer. The process may hang in
// the kernel, and ends when the storage answers.
class ConfinedProcess final : public Confinement {
 public:
  explicit ConfinedProcess(std::chrono::milliseconds silence = std::chrono::seconds(5))
      : silence_(silence) {}

  [[nodiscard]] Result<std::string> run(const WorkTask& task, const Work& work,
                                        const Serve& serve) const override;
  [[nodiscard]] Result<std::unique_ptr<WorkSeries>> start_series(
      const SeriesWork& work, const std::string& rehearsal) const override;
  [[nodiscard]] Result<std::unique_ptr<CommonMemory>> share(size_t bytes) const override;

 private:
  const std::chrono::milliseconds silence_;
};

}  // namespace ploopu
