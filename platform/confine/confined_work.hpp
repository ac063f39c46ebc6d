// SPDX-License-Identifier: GPL-2.0-or-later
// The steps that a process which does confined work takes, and the judgement on its end.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

#include "core/confine/confinement.hpp"
#include "platform/confine/sandbox.hpp"
#include "platform/confine/work_channel.hpp"

namespace ploopu {

// True where a sanitizer's runtime needs terabytes of addresses, more system calls, and its
// standard error: such a build has the limits of time, the user and no filter.
#ifdef PLOOPU_HAS_SANITIZER
inline constexpr bool kHasSanitizer = true;
#else
inline constexpr bool kHasSanitizer = false;
#endif

// The filter for one piece of work, which is made once for all that this process has parsed.
[[nodiscard]] Result<const ParsingFilter*> parsing_filter();

// In the child: where the filters let work write to. Returns its number.
[[nodiscard]] int move_to_work_socket(int socket);

// In the child, before it sees a byte: gives away all descriptors but those of the task and
// `socket`, the user, capabilities and paths, and sets the limit of memory. `parent` started it.
[[nodiscard]] Result<void> confine(const WorkTask& task, int socket, pid_t parent);
// In the process that does the work: the limit of processor time.
[[nodiscard]] Result<void> limit_time(WorkSize size);
// From now on, this process dies with `parent`.
void die_with(pid_t parent);
[[nodiscard]] Result<void> apply_filter(const ParsingFilter* filter);

// In the child: sends the answer of `work`, or what it threw.
[[noreturn]] void answer_and_end(int socket, const std::function<Result<std::string>()>& work);

// In the parent: the answer, or why there is none. `status` is that of waitpid(2).
[[nodiscard]] Result<std::string> answer_of(const WorkTask& task, int status,
                                            std::optional<Frame> frame);

}  // namespace ploopu
