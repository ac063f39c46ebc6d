// SPDX-License-Identifier: GPL-2.0-or-later
// confined(): the result of parsing, which may have been done by another process.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/answers.hpp"
#include "core/confinement.hpp"
#include "core/result.hpp"

namespace ploopu {

template <class T>
[[nodiscard]] std::string encode_answer(const Result<T>& result) {
  nlohmann::json answer;
  if (result) {
    answer["value"] = *result;
  } else {
    answer["error"] = result.error();
  }
  std::string bytes;
  nlohmann::json::to_cbor(answer, bytes);
  return bytes;
}

// What isn't an answer is an error, too.
template <class T>
[[nodiscard]] Result<T> decode_answer(const std::string& bytes, const std::string& what) {
  try {
    const auto answer = nlohmann::json::from_cbor(bytes);
    if (const auto error = answer.find("error"); error != answer.end()) {
      return tl::unexpected<Error>(error->get<Error>());
    }
    return answer.at("value").get<T>();
  } catch (const nlohmann::json::exception&) {
    return fail(ErrorKind::damaged, "{}: who parses it gave no sound answer: refused", what);
  }
}

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
