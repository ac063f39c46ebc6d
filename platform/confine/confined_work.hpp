// SPDX-License-Identifier: GPL-2.0-or-later
// The steps by which a child process gives away its rights, does confined work and sends the
// answer; and the parent's look at how the child ended. Used by confined_process and
// confined_series.
//
//   In the child:   answer_and_end(socket, [&] { ...confine(), limit_time(), apply_filter()... });
//   In the parent:  auto frame = serve_work(...); waitpid(...); return answer_of(task, status,
//   ...);
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

#include "core/confine/confinement.hpp"
#include "platform/confine/sandbox.hpp"
#include "platform/confine/work_channel.hpp"

namespace ploopu {

// True in builds with a sanitizer, whose runtime needs terabytes of addresses, more system calls
// and standard error. Such a build limits time and changes the user, but has no filter and no limit
// of memory.
#ifdef PLOOPU_HAS_SANITIZER
inline constexpr bool kHasSanitizer = true;
#else
inline constexpr bool kHasSanitizer = false;
#endif

// The time in seconds that a piece of work of a series may take: all others wait for it.
inline constexpr unsigned kSeriesSeconds = 10;

// Returns the filter for a piece of work. The first call makes it, which takes longer than the work
// of most children.
[[nodiscard]] Result<const ParsingFilter*> parsing_filter();

// In the child: moves `socket` to ParsingFilter::kWorkSocket, the only descriptor to which the
// filters let work write. Returns the new number.
[[nodiscard]] int move_to_work_socket(int socket);

// In the child, before it reads anything: closes all descriptors but `socket` and those of the
// task, gives away user, capabilities and paths, and limits memory. `parent` is the process that
// started the child.
[[nodiscard]] Result<void> confine(const WorkTask& task, int socket, pid_t parent);
// In the process that does the work: limits its processor time.
[[nodiscard]] Result<void> limit_time(WorkSize size);
// Makes the kernel kill this process when `parent` dies. Ends it now if `parent` is gone already.
void die_with(pid_t parent);
// Applies the filter for the rest of the process's life; does nothing in builds with a sanitizer.
[[nodiscard]] Result<void> apply_filter(const ParsingFilter* filter);

// In the child: runs `work` and sends its answer, its error, or the exception that it threw.
[[noreturn]] void answer_and_end(int socket, const std::function<Result<std::string>()>& work);

// In the parent: returns the answer in `frame`, or the error that explains why there is none.
// `status` is the child's, as waitpid(2) gives it. ErrorKind as ConfinedProcess says.
[[nodiscard]] Result<std::string> answer_of(const WorkTask& task, int status,
                                            std::optional<Frame> frame);

}  // namespace ploopu
