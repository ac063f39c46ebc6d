// SPDX-License-Identifier: GPL-2.0-or-later
// Repeats system calls that a signal interrupts:
//
//   const ssize_t got = retry([&] { return ::read(fd, buffer, size); });
#pragma once

#include <cerrno>

namespace ploopu {

// Repeats `call`, which returns a negative number and sets errno when it fails, until its failure
// is not EINTR. Returns what `call` returned last.
template <class Call>
auto retry(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace ploopu
