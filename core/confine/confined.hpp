// SPDX-License-Identifier: GPL-2.0-or-later
// The result of parsing, which may have been done by another process:
//
//     confined<DiskLayout>({disk.name(), WorkSize::parsing, disk.file_descriptors()},
//                          [&] { return find_layout(disk); });
//
// The values in T are whatever a process that was taken over wants them to be: the caller checks
// every relation between them that it relies on.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/confine/answer_codec.hpp"
#include "core/confine/confinement.hpp"

namespace ploopu {

// The answer of a Serve, in the same process.
class DirectOutside final : public Outside {
 public:
  explicit DirectOutside(const Serve& serve) : serve_(serve) {}
  [[nodiscard]] Handed ask(const std::string& request) override { return serve_(request); }

 private:
  const Serve& serve_;
};

// What `work(outside)`, which returns a Result<T>, returns. `serve` answers what the work asks for.
template <class T, class AskingWork>
[[nodiscard]] Result<T> confined(const WorkTask& task, AskingWork work, const Serve& serve) {
  if (confinement() == nullptr) {
    DirectOutside outside(serve);
    return work(outside);
  }
  PLOOPU_TRY(const auto bytes,
             confinement()->run(
                 task, [&](Outside& outside) { return encode_answer<T>(work(outside)); }, serve));
  return decode_answer<T>(bytes, task.what);
}

// What `work()`, which returns a Result<T> and asks for nothing, returns.
template <class T, class QuietWork>
[[nodiscard]] Result<T> confined(const WorkTask& task, QuietWork work) {
  return confined<T>(
      task, [&](Outside& /*outside*/) -> Result<T> { return work(); },
      [](const std::string& /*request*/) { return Handed(); });
}

}  // namespace ploopu
