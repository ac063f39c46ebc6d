// SPDX-License-Identifier: GPL-2.0-or-later
// Confinement by forked processes.
#pragma once

#include <memory>
#include <string>

#include "core/confine/confinement.hpp"

namespace ploopu {

// A child does the work: nobody's, without capabilities, in a sandbox of a few system calls, with
// 2 s of processor time for parsing and 120 s for searching, and 1 GiB of memory. Errors:
// ErrorKind::damaged for work that a signal or the limit of time ended, failed for everything else.
class ConfinedProcess final : public Confinement {
 public:
  [[nodiscard]] Result<std::string> run(const WorkTask& task, const Work& work,
                                        const Serve& serve) const override;
  [[nodiscard]] Result<std::unique_ptr<WorkSeries>> start_series(
      const SeriesWork& work, const std::string& rehearsal) const override;
  [[nodiscard]] Result<std::unique_ptr<CommonMemory>> share(size_t bytes) const override;
};

}  // namespace ploopu
