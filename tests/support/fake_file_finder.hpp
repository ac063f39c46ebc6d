// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <vector>

#include "core/check/lost_files.hpp"

namespace ploopu::testing {

// Answers by the number of the partition, and records the questions.
class FakeFileFinder final : public FileFinder {
 public:
  std::map<uint32_t, Result<LostFiles>> answers;
  mutable std::vector<std::pair<uint32_t, std::vector<DiskRange>>> calls;

  Result<LostFiles> find(const Disk& /*disk*/, const Partition& partition,
                         std::span<const DiskRange> lost) const override {
    calls.emplace_back(partition.number, std::vector<DiskRange>(lost.begin(), lost.end()));
    const auto answer = answers.find(partition.number);
    return answer == answers.end() ? Result<LostFiles>(LostFiles()) : answer->second;
  }
};

}  // namespace ploopu::testing
