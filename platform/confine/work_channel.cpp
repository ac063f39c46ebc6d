// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/confine/work_channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "platform/files/posix_image_file.hpp"
#include "platform/os/descriptor_message.hpp"
#include "platform/os/retry.hpp"

namespace ploopu {
namespace {

constexpr uint64_t kMaxFrame = uint64_t{256} << 20;

// Heads of frames and of replies, sent before the bytes. They have no padding, which could carry
// memory that isn't meant for the other side.
struct FrameHead {
  uint64_t size = 0;  // number of bytes that follow
  uint64_t kind = 0;  // a FrameKind
};
struct HandedHead {
  uint64_t size = 0;
  uint64_t has_file = 0;  // 0 or 1
  ImageFileFacts facts;   // facts of the file; its file descriptor comes with this head
};
static_assert(std::has_unique_object_representations_v<FrameHead>);
static_assert(std::has_unique_object_representations_v<HandedHead>);

// The head of a message and what comes with it: most messages are no longer, and then wake the
// other side once.
constexpr size_t kFirstBytes = 4096;
std::string first_piece(const void* head, size_t size, std::string_view bytes) {
  return std::string(static_cast<const char*>(head), size).append(bytes.substr(0, kFirstBytes));
}
std::string_view rest_of(std::string_view bytes) {
  return bytes.substr(std::min(bytes.size(), kFirstBytes));
}

// Returns false if the other side is gone. `call` is write(2) or send(2): confined work may use
// only write(2), and its parent uses send(2) in order not to die of SIGPIPE.
template <class Call>
bool write_all(const void* data, size_t size, Call call) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = retry([&] { return call(at, size); });
    if (written <= 0) return false;
    at += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

// Returns false if the other side is gone.
bool read_all(int socket, void* data, size_t size) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = retry([&] { return ::read(socket, at, size); });
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

// Appends to `text`, which has no more than that, until it has `size` bytes. It grows as they come:
// the other side may announce more than it ever sends. Returns false if the other side is gone.
bool read_text(int socket, std::string& text, uint64_t size) {
  constexpr uint64_t kPiece = uint64_t{1} << 20;
  while (text.size() < size) {
    const size_t known = text.size();
    text.resize(known + std::min(size - known, kPiece));
    if (!read_all(socket, &text[known], text.size() - known)) return false;
  }
  return true;
}

// A head, and the bytes that have come with it. False when the other side is gone.
template <class Head>
bool read_first(int socket, Head& head, std::string& bytes) {
  std::array<char, sizeof head + kFirstBytes> piece;
  size_t known = 0;
  while (known < sizeof head) {
    const ssize_t got = retry([&] { return ::read(socket, &piece[known], piece.size() - known); });
    if (got <= 0) return false;
    known += static_cast<size_t>(got);
  }
  std::memcpy(&head, piece.data(), sizeof head);
  bytes.assign(&piece[sizeof head], known - sizeof head);
  return true;
}

}  // namespace

Result<WorkSockets> make_work_sockets(const std::string& what) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, what);
  }
  return WorkSockets{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void send_frame(int socket, FrameKind kind, std::string_view bytes) {
  const FrameHead head{bytes.size(), static_cast<uint64_t>(kind)};
  const auto write = [&](const char* at, size_t size) { return ::write(socket, at, size); };
  const std::string first = first_piece(&head, sizeof head, bytes);
  const std::string_view rest = rest_of(bytes);
  if (!write_all(first.data(), first.size(), write) ||
      !write_all(rest.data(), rest.size(), write)) {
    ::_exit(1);
  }
}

bool send_handed(int socket, const Handed& handed) {
  HandedHead head;
  head.size = handed.bytes.size();
  std::vector<int> descriptors;
  if (handed.file) {
    head.has_file = 1;
    head.facts = {handed.file->size(), handed.file->identity(), handed.file->modified()};
    descriptors.push_back(handed.file->descriptor());
  }
  const std::string_view rest = rest_of(handed.bytes);
  return send_message(socket, first_piece(&head, sizeof head, handed.bytes), descriptors, 0) &&
         write_all(rest.data(), rest.size(), [&](const char* at, size_t size) {
           return ::send(socket, at, size, MSG_NOSIGNAL);
         });
}

Handed receive_handed(int socket) {
  HandedHead head;
  auto message = receive_message(socket, sizeof head + kFirstBytes);
  if (message.text.size() < sizeof head) ::_exit(1);
  std::memcpy(&head, message.text.data(), sizeof head);
  if (message.descriptors.size() != head.has_file) ::_exit(1);
  Handed handed;
  if (head.has_file != 0) {
    handed.file =
        std::make_shared<PosixImageFile>(std::move(message.descriptors.front()), head.facts);
  }
  handed.bytes = message.text.substr(sizeof head);
  if (!read_text(socket, handed.bytes, head.size)) ::_exit(1);
  return handed;
}

Result<std::optional<Frame>> serve_work(int socket, const WorkTask& task, const Serve& serve) {
  for (;;) {
    FrameHead head;
    Frame frame;
    if (!read_first(socket, head, frame.bytes)) return std::nullopt;
    if (head.size > kMaxFrame) {
      return fail(ErrorKind::damaged, "{}: the reply about it exceeds {} bytes: refused", task.what,
                  kMaxFrame);
    }
    if (frame.bytes.size() > head.size) {
      return fail(ErrorKind::damaged,
                  "{}: the process that reads it sent more than it announced: refused", task.what);
    }
    frame.kind = static_cast<FrameKind>(head.kind);
    if (!read_text(socket, frame.bytes, head.size)) return std::nullopt;
    if (frame.kind != FrameKind::request) return frame;
    if (!send_handed(socket, serve(frame.bytes))) return fail_errno(errno, task.what);
  }
}

}  // namespace ploopu
