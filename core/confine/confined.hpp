// SPDX-License-Identifier: GPL-2.0-or-later
// confined(): the result of parsing, which may have been done by another process.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/confine/answer_codec.hpp"
#include "core/confine/confinement.hpp"

namespace ploopu {

// What `work`, which returns a Result<T>, returns. It may read from `descriptors`, and change
// nothing. The values in T are whatever a process that was taken over wants them to be: who relies
// on a relation between them has to check that here.
template <class T, class Work>
[[nodiscard]] Result<T> confined(const std::string& what, const std::vector<int>& descriptors,
                                 Work work, WorkSize size = WorkSize::parsing) {
  if (confinement() == nullptr) return work();
  PLOOPU_TRY(const auto bytes,
             confinement()->run(what, size, descriptors, [&] { return encode_answer<T>(work()); }));
  return decode_answer<T>(bytes, what);
}

}  // namespace ploopu
