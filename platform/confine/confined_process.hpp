// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/confine/confinement.hpp"

namespace ploopu {

// Each piece of work is done by a child of its own: nobody's, without a right, in a sandbox
// (platform/sandbox), with at most 1 GiB of addresses; 2 s of processor time for parsing, two
// minutes for searching. It ends with its parent. To be used while there is only one thread.
class ConfinedProcess final : public Confinement {
 public:
  [[nodiscard]] Result<std::string> run(const std::string& what, WorkSize size,
                                        const std::vector<int>& descriptors,
                                        const std::function<std::string()>& work) const override;
  [[nodiscard]] Result<std::unique_ptr<CommonMemory>> share(size_t bytes) const override;
};

}  // namespace ploopu
