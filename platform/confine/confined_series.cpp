// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/confine/confined_series.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <malloc.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/confine/confined.hpp"
#include "platform/confine/confined_work.hpp"
#include "platform/confine/sandbox.hpp"
#include "platform/confine/work_channel.hpp"
#include "platform/os/descriptor_message.hpp"
#include "platform/os/retry.hpp"

namespace ploopu {
namespace {

// Does a piece of work, in a process that the series has forked for it.
[[noreturn]] void do_one(const WorkTask& task, UniqueFd socket, pid_t series, int control,
                         const ParsingFilter* filter, const SeriesWork& work) {
  const int number = move_to_work_socket(socket.get());
  if (number != socket.get()) socket.reset();
  ::close(control);
  answer_and_end(number, [&]() -> Result<std::string> {
    die_with(series);
    PLOOPU_CHECK(limit_time(task.size));
    PLOOPU_CHECK(apply_filter(filter));
    const auto argument = receive_handed(number);
    SocketOutside outside(number);
    return work(argument.bytes, outside);
  });
}

// Does the work once, before the forks: lookups of library functions and first allocations are then
// done, and their pages shared, for all children.
void rehearse(const SeriesWork& work, const std::string& rehearsal) {
  const Serve nothing = [](const std::string& /*request*/) { return Handed(); };
  DirectOutside outside(nothing);
  static_cast<void>(work(rehearsal, outside));
  // Collects freed small blocks now. Otherwise each child does so when it frees its first large
  // block.
  ::malloc_trim(0);
}

// Forks a process for each order on the control socket, until the parent closes its end. An order
// is a WorkSize and the socket for the work; the reply is the child's status, as waitpid(2) gives
// it.
[[noreturn]] void run_series(int control, const ParsingFilter* filter, const SeriesWork& work) {
  const pid_t series = ::getpid();
  for (;;) {
    auto order = receive_message(control, sizeof(WorkSize));
    if (order.text.size() != sizeof(WorkSize) || order.descriptors.size() != 1) ::_exit(0);
    WorkTask task;
    std::memcpy(&task.size, order.text.data(), sizeof task.size);
    const pid_t child = ::fork();
    if (child == 0) {
      do_one(task, std::move(order.descriptors.front()), series, control, filter, work);
    }
    order.descriptors.clear();
    int status = 0;
    if (child > 0) retry([&] { return ::waitpid(child, &status, 0); });
    // If fork() failed, the other side sees that the socket for the work is closed.
    if (::send(control, &status, sizeof status, MSG_NOSIGNAL) != ssize_t{sizeof status}) ::_exit(0);
  }
}

class ConfinedSeries final : public WorkSeries {
 public:
  ConfinedSeries(pid_t pid, UniqueFd control) : pid_(pid), control_(std::move(control)) {}
  ~ConfinedSeries() override {
    control_.reset();
    retry([&] { return ::waitpid(pid_, nullptr, 0); });
  }

  Result<std::string> run(const WorkTask& task, const std::string& argument,
                          const Serve& serve) override {
    PLOOPU_TRY(auto sockets, make_work_sockets(task.what));
    std::string order(sizeof task.size, '\0');
    std::memcpy(order.data(), &task.size, sizeof task.size);
    if (!send_message(control_.get(), order, {sockets.theirs.get()}, 0)) {
      return fail(ErrorKind::failed, "{}: the process that starts parsers ended: try again",
                  task.what);
    }
    sockets.theirs.reset();
    // Fails if the child is gone already; serve_work() notices that as well.
    static_cast<void>(send_handed(sockets.ours.get(), {argument, nullptr}));
    auto frame = serve_work(sockets.ours.get(), task, serve);
    sockets.ours.reset();  // a child that still works ends at its next message
    int status = 0;
    const ssize_t got =
        retry([&] { return ::recv(control_.get(), &status, sizeof status, MSG_WAITALL); });
    PLOOPU_CHECK(frame);
    if (got != ssize_t{sizeof status}) {
      return fail(ErrorKind::failed, "{}: the process that starts parsers ended: try again",
                  task.what);
    }
    return answer_of(task, status, *std::move(frame));
  }

 private:
  pid_t pid_;
  UniqueFd control_;
};

}  // namespace

Result<std::unique_ptr<WorkSeries>> start_confined_series(const SeriesWork& work,
                                                          const std::string& rehearsal) {
  const WorkTask task{"containers", WorkSize::parsing, {}};
  PLOOPU_TRY(auto sockets, make_message_sockets(task.what));
  PLOOPU_TRY(const auto own_filter, ParsingFilter::make(ParsingFilter::Kind::series));
  PLOOPU_TRY(const auto filter, ParsingFilter::make(ParsingFilter::Kind::series_work));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "starting a process that reads containers");
  if (child == 0) {
    int control = sockets.theirs.get();
    if (!kHasSanitizer) control = ::dup2(control, ParsingFilter::kControlSocket);
    set_confinement(nullptr);
    const auto ready = [&]() -> Result<void> {
      PLOOPU_CHECK(confine(task, control, parent));
      return apply_filter(&own_filter);
    }();
    if (!ready) ::_exit(1);
    rehearse(work, rehearsal);
    run_series(control, &filter, work);
  }
  return std::make_unique<ConfinedSeries>(child, std::move(sockets.ours));
}

}  // namespace ploopu
