// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/nbd/nbd_netlink.hpp"

#include <cerrno>
#include <memory>
#include <optional>

#include <linux/nbd-netlink.h>
#include <linux/nbd.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace ploopu {
namespace {

// With larger blocks the kernel misreads partition tables (docs/KERNEL.md#nbd-block-size).
constexpr uint64_t kBlockSize = 512;
// Seconds that requests wait for a new socket after the last socket died.
constexpr uint64_t kDeadConnectionSeconds = 300;
// Limit for an answer of the kernel, which normally is there as soon as the request was sent.
constexpr struct timeval kAnswerLimit = {10, 0};

struct SocketDeleter {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct MessageDeleter {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using NetlinkMessage = std::unique_ptr<nl_msg, MessageDeleter>;

int errno_of(int netlink_error) {
  switch (-netlink_error) {
    case NLE_BUSY:
      return EBUSY;
    case NLE_PERM:
    case NLE_NOACCESS:
      return EPERM;
    case NLE_INVAL:
      return EINVAL;
    case NLE_NOMEM:
      return ENOMEM;
    case NLE_AGAIN:
      return ETIMEDOUT;
    default:
      return EIO;
  }
}

// A netlink socket for a request to the driver and its answer.
class Session {
 public:
  [[nodiscard]] static Result<Session> open() {
    Session session;
    session.socket_.reset(nl_socket_alloc());
    if (!session.socket_ || genl_connect(session.socket_.get()) != 0) {
      return fail(ErrorKind::failed, "no generic netlink socket can be opened");
    }
    ::setsockopt(nl_socket_get_fd(session.socket_.get()), SOL_SOCKET, SO_RCVTIMEO, &kAnswerLimit,
                 sizeof kAnswerLimit);
    session.family_ = genl_ctrl_resolve(session.socket_.get(), NBD_GENL_FAMILY_NAME);
    if (session.family_ < 0) {
      return fail(ErrorKind::missing_kernel_part, "this kernel has no nbd driver loaded");
    }
    return session;
  }

  [[nodiscard]] NetlinkMessage new_message(uint8_t command) const {
    NetlinkMessage message(nlmsg_alloc());
    if (message) {
      genlmsg_put(message.get(), NL_AUTO_PORT, NL_AUTO_SEQ, family_, 0, 0, command,
                  NBD_GENL_VERSION);
    }
    return message;
  }

  // Sends, waits for the acknowledgement, and returns NBD_ATTR_INDEX of the answer if it has one.
  [[nodiscard]] Result<std::optional<int>> exchange(nl_msg* message, const char* what) {
    std::optional<int> index;
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, store_index, &index);
    const int sent = nl_send_auto(socket_.get(), message);
    const int answered = sent < 0 ? sent : nl_recvmsgs_default(socket_.get());
    const int acknowledged = answered < 0 || !index ? answered : nl_wait_for_ack(socket_.get());
    if (acknowledged < 0) {
      return fail_errno(errno_of(acknowledged), fmt::format("nbd: {}", what));
    }
    return index;
  }

 private:
  static int store_index(nl_msg* message, void* argument) {
    const nlattr* attribute = nlmsg_find_attr(nlmsg_hdr(message), GENL_HDRLEN, NBD_ATTR_INDEX);
    if (attribute != nullptr) {
      *static_cast<std::optional<int>*>(argument) = static_cast<int>(nla_get_u32(attribute));
    }
    return NL_OK;
  }

  std::unique_ptr<nl_sock, SocketDeleter> socket_;
  int family_ = -1;
};

int put_sockets(nl_msg* message, std::span<const int> sockets) {
  nlattr* list = nla_nest_start(message, NBD_ATTR_SOCKETS);
  if (list == nullptr) return -NLE_NOMEM;
  for (const int socket : sockets) {
    nlattr* item = nla_nest_start(message, NBD_SOCK_ITEM);
    if (item == nullptr || nla_put_u32(message, NBD_SOCK_FD, static_cast<uint32_t>(socket)) < 0) {
      return -NLE_NOMEM;
    }
    nla_nest_end(message, item);
  }
  nla_nest_end(message, list);
  return 0;
}

}  // namespace

bool NbdNetlink::is_available() { return Session::open().has_value(); }

Result<int> NbdNetlink::connect(const NbdConnect& request) {
  PLOOPU_TRY(auto session, Session::open());
  const NetlinkMessage message = session.new_message(NBD_CMD_CONNECT);
  // Our server keeps the promise of CAN_MULTI_CONN: each connection sees the writes of the others,
  // and a flush on one flushes all.
  constexpr uint64_t kCommonFlags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_CAN_MULTI_CONN;
  // Newer drivers send WRITE_ZEROES requests if this flag is set. The header of Linux 6.1 lacks the
  // flag; doc/proto.md of the NBD project has it.
  constexpr uint64_t kSendWriteZeroes = 1U << 6;
  constexpr uint64_t kWritable =
      NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_TRIM | kSendWriteZeroes;
  const uint64_t flags =
      kCommonFlags | (request.is_writable ? kWritable : uint64_t{NBD_FLAG_READ_ONLY});
  nl_msg* m = message.get();
  // Without NBD_ATTR_INDEX the kernel chooses a free device; the index -1 is refused
  // (docs/KERNEL.md#nbd-device-numbers).
  if (m == nullptr || nla_put_u64(m, NBD_ATTR_SIZE_BYTES, request.size) < 0 ||
      nla_put_u64(m, NBD_ATTR_BLOCK_SIZE_BYTES, kBlockSize) < 0 ||
      nla_put_u64(m, NBD_ATTR_SERVER_FLAGS, flags) < 0 ||
      nla_put_u64(m, NBD_ATTR_TIMEOUT, request.timeout) < 0 ||
      nla_put_u64(m, NBD_ATTR_DEAD_CONN_TIMEOUT, kDeadConnectionSeconds) < 0 ||
      nla_put_string(m, NBD_ATTR_BACKEND_IDENTIFIER, request.identifier.c_str()) < 0 ||
      put_sockets(m, request.sockets) < 0) {
    return fail(ErrorKind::failed, "nbd: out of memory for a netlink message");
  }
  PLOOPU_TRY(const auto index, session.exchange(m, "connecting a device"));
  if (!index) return fail(ErrorKind::failed, "nbd: the kernel did not say which device it took");
  return *index;
}

Result<void> NbdNetlink::reconnect(int index, const std::string& identifier,
                                   std::span<const int> sockets) {
  PLOOPU_TRY(auto session, Session::open());
  const NetlinkMessage message = session.new_message(NBD_CMD_RECONFIGURE);
  nl_msg* m = message.get();
  // No size: the driver takes a new size without any check (docs/KERNEL.md#nbd-device-size).
  if (m == nullptr || nla_put_u32(m, NBD_ATTR_INDEX, static_cast<uint32_t>(index)) < 0 ||
      nla_put_string(m, NBD_ATTR_BACKEND_IDENTIFIER, identifier.c_str()) < 0 ||
      put_sockets(m, sockets) < 0) {
    return fail(ErrorKind::failed, "nbd: out of memory for a netlink message");
  }
  PLOOPU_CHECK(session.exchange(m, "giving a device new sockets"));
  return {};
}

Result<void> NbdNetlink::disconnect(int index) {
  PLOOPU_TRY(auto session, Session::open());
  const NetlinkMessage message = session.new_message(NBD_CMD_DISCONNECT);
  if (!message || nla_put_u32(message.get(), NBD_ATTR_INDEX, static_cast<uint32_t>(index)) < 0) {
    return fail(ErrorKind::failed, "nbd: out of memory for a netlink message");
  }
  const std::string what = fmt::format("disconnecting /dev/nbd{}", index);
  if (auto done = session.exchange(message.get(), what.c_str()); !done) {
    return tl::unexpected<Error>(std::move(done).error());
  }
  return {};
}

void NbdLinkEvents::Deleter::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Result<NbdLinkEvents> NbdLinkEvents::open() {
  NbdLinkEvents events;
  events.socket_.reset(nl_socket_alloc());
  nl_sock* socket = events.socket_.get();
  if (socket == nullptr || genl_connect(socket) != 0) {
    return fail(ErrorKind::failed, "no generic netlink socket can be opened");
  }
  const int group = genl_ctrl_resolve_grp(socket, NBD_GENL_FAMILY_NAME, NBD_GENL_MCAST_GROUP_NAME);
  if (group < 0 || nl_socket_add_membership(socket, group) != 0 ||
      nl_socket_set_nonblocking(socket) != 0) {
    return fail(ErrorKind::missing_kernel_part, "this kernel's nbd driver tells no events");
  }
  nl_socket_disable_seq_check(socket);
  return events;
}

int NbdLinkEvents::descriptor() const { return nl_socket_get_fd(socket_.get()); }

std::vector<int> NbdLinkEvents::take() {
  std::vector<int> dead;
  const auto store = [](nl_msg* message, void* argument) -> int {
    const nlmsghdr* header = nlmsg_hdr(message);
    const auto* command = static_cast<const genlmsghdr*>(nlmsg_data(header));
    const nlattr* index =
        nlmsg_find_attr(const_cast<nlmsghdr*>(header), GENL_HDRLEN, NBD_ATTR_INDEX);
    if (command->cmd == NBD_CMD_LINK_DEAD && index != nullptr) {
      static_cast<std::vector<int>*>(argument)->push_back(static_cast<int>(nla_get_u32(index)));
    }
    return NL_OK;
  };
  nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, store, &dead);
  while (nl_recvmsgs_default(socket_.get()) == 0) continue;
  return dead;
}

}  // namespace ploopu
