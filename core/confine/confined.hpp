// SPDX-License-Identifier: GPL-2.0-or-later
// The functions that run a parser, in another process if the host confines parsers:
//
//     confined<DiskLayout>({disk.name(), WorkSize::parsing, disk.file_descriptors()},
//                          [&] { return find_layout(disk); });
//
// A process that was taken over may return any values in T: the caller checks every relation
// between them that it relies on. Errors are those of the work and of Confinement::run(), and those
// of an answer that can't be decoded.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/confine/answer_codec.hpp"
#include "core/confine/confinement.hpp"

namespace ploopu {

// An Outside for work in the same process: it asks a Serve, which outlives it.
class DirectOutside final : public Outside {
 public:
  explicit DirectOutside(const Serve& serve) : serve_(serve) {}
  [[nodiscard]] Handed ask(const std::string& request) override { return serve_(request); }

 private:
  const Serve& serve_;
};

// Runs `work(outside)` and returns its Result<T>. `serve` answers the requests of the work.
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

// Runs `work()`, which asks for nothing, and returns its Result<T>.
template <class T, class QuietWork>
[[nodiscard]] Result<T> confined(const WorkTask& task, QuietWork work) {
  return confined<T>(
      task, [&](Outside& /*outside*/) -> Result<T> { return work(); },
      [](const std::string& /*request*/) { return Handed(); });
}

}  // namespace ploopu
