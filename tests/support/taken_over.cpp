// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/taken_over.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "core/confine/answer_codec.hpp"
#include "core/find/ploop_figures.hpp"
#include "platform/confine/sandbox.hpp"

namespace ploopu::testing {
namespace {

constexpr char kBegin[] = "<!-- take over: ";
constexpr char kEnd[] = " -->";
constexpr int kSocket = ParsingFilter::kWorkSocket;

std::string figures_with(const std::string& error) {
  PloopFigures figures;
  figures.disk = DiskFigures{1, 2, 3, true};
  figures.error = error;
  return encode_answer<PloopFigures>(figures);
}
std::string lie() { return figures_with("a lie"); }

// Writes a frame as platform/confine/work_channel.cpp does.
void send_answer(uint64_t size, const std::string& answer) {
  std::string frame(2 * sizeof size, '\0');
  const std::array<uint64_t, 2> head = {size, '+'};
  std::memcpy(frame.data(), head.data(), frame.size());
  frame += answer;
  static_cast<void>(!::write(kSocket, frame.data(), frame.size()));
}

void loop() {
  for (volatile unsigned i = 0;;) i = i + 1;
}

void send_to(int fd) {
  char order = 0;
  static_cast<void>(::send(fd, &order, 1, MSG_NOSIGNAL | MSG_DONTWAIT));
}

// Tells that all is done, and takes what the parent wants done next.
void take_orders() {
  send_answer(lie().size(), lie());
  for (int round = 0; round < 1'000'000; ++round) {
    msghdr message = {};
    if (::recvmsg(ParsingFilter::kControlSocket, &message, MSG_DONTWAIT) < 0 && errno == EBADF) {
      break;
    }
  }
  ::_exit(0);  // no second answer
}

std::string attack_by(const std::string& name) {
  static int earlier = 0;
  static const std::map<std::string, std::function<void()>> kAttacks = {
      {"lie", [] {}},
      {"crash", [] { *static_cast<volatile int*>(nullptr) = 1; }},
      {"loop", loop},
      {"wait",
       [] {
         char byte = 0;
         static_cast<void>(!::read(kSocket, &byte, 1));
       }},
      {"answer and loop",
       [] {
         send_answer(lie().size(), lie());
         loop();
       }},
      {"answers",
       [] {
         for (int round = 0; round < 3; ++round) send_answer(lie().size(), lie() + "more");
       }},
      {"orders", take_orders},
      {"fork",
       [] {
         if (::fork() == 0) loop();
       }},
      {"endless", [] { send_answer(uint64_t{1} << 40, lie()); }},
  };
  if (name == "memory") return figures_with(std::to_string(earlier++) + " before");
  if (name.starts_with("send ")) {
    send_to(std::atoi(name.substr(5).c_str()));
  } else {
    kAttacks.at(name)();
  }
  return lie();
}

}  // namespace

std::string words_of_attack(const std::string& attack) { return kBegin + attack + kEnd; }

SeriesWork taken_over(SeriesWork series) {
  const auto either = [work = series.work](const std::string& argument, Outside& outside) {
    const size_t begin = argument.find(kBegin);
    if (begin == std::string::npos) return work(argument, outside);
    const size_t name = begin + std::string(kBegin).size();
    return attack_by(argument.substr(name, argument.find(kEnd, name) - name));
  };
  series.work = either;
  return series;
}

}  // namespace ploopu::testing
