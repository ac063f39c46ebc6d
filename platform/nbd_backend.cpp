// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/nbd_backend.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "core/nbd_server.hpp"
#include "core/text.hpp"
#include "platform/block_device.hpp"
#include "platform/kernel_module.hpp"
#include "platform/nbd_netlink.hpp"
#include "platform/queue_settings.hpp"
#include "platform/socket_stream.hpp"
#include "platform/sysfs.hpp"

namespace ploopu {
namespace {

// Each connection has a thread and, in the driver, a queue of its own.
constexpr unsigned kMaxConnections = 4;
constexpr uint64_t kFlushSeconds = 60;

std::string identifier_of(const std::string& id) { return "ploopu:" + id; }

// Number of the device that carries our identifier; -1 when none does.
int find_index(const std::string& id) {
  for (const auto& name : list_directory("/sys/block")) {
    if (!name.starts_with("nbd")) continue;
    if (read_attribute("/sys/block/" + name + "/backend") != identifier_of(id)) continue;
    if (const auto index = parse_number(name.substr(3))) return static_cast<int>(*index);
  }
  return -1;
}

std::string node_of(int index) { return fmt::format("/dev/nbd{}", index); }

class NbdService final : public Service {
 public:
  NbdService(const ServedDisk& disk, const Record& record, const NbdBackend& backend,
             const RuntimeDir& runtime)
      : disk_(disk), record_(record), backend_(backend), runtime_(runtime) {}

  Result<std::string> start() override {
    std::vector<UniqueFd> kernel_ends;
    const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxConnections);
    for (unsigned i = 0; i < count; ++i) {
      std::array<int, 2> ends{};
      // Stream sockets only: the driver refuses everything else (M03).
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail_errno(errno, "nbd: a socket pair");
      }
      kernel_ends.emplace_back(ends[0]);
      streams_.push_back(std::make_unique<SocketStream>(UniqueFd(ends[1])));
    }
    for (const auto& stream : streams_) {
      threads_.emplace_back([this, s = stream.get()] {
        nbd::serve(disk_, *s);
        s->shut_down();
      });
    }
    std::vector<int> sockets;
    sockets.reserve(kernel_ends.size());
    for (const auto& end : kernel_ends) sockets.push_back(end.get());
    NbdConnect request;
    request.size = disk_.size();
    request.identifier = identifier_of(record_.id);
    request.is_writable = disk_.is_writable();
    // A flush waits for the disk that the file is on.
    if (disk_.is_kept()) request.timeout = kFlushSeconds;
    request.sockets = sockets;
    const auto index = NbdNetlink::connect(request);
    kernel_ends.clear();  // the driver holds its own references; without them the threads end
    if (!index) {
      wait();
      return tl::unexpected<Error>(index.error());
    }
    // Without the identifier nobody could tell later whose device it is.
    if (find_index(record_.id) != *index) {
      static_cast<void>(NbdNetlink::disconnect(*index));
      wait();
      return fail(ErrorKind::missing_kernel_part,
                  "nbd: this kernel's driver keeps no backend identifier (Linux 5.14 does)");
    }
    return node_of(*index);
  }

  void wait() override {
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  Result<void> stop() override { return backend_.release(record_); }

  // The driver also drops its sockets when the server was too slow. Then the device is still there
  // and must not be forgotten: detach frees it.
  void clean_up() override {
    static_cast<void>(disk_.close());  // detach looks at the file
    if (backend_.find_device(record_).empty()) runtime_.remove(record_.id);
  }

 private:
  const ServedDisk disk_;
  const Record& record_;
  const NbdBackend& backend_;
  const RuntimeDir& runtime_;
  std::vector<std::unique_ptr<SocketStream>> streams_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<void> NbdBackend::prepare(bool /*as_file*/) const {
  if (NbdNetlink::is_available()) return {};
  return load_kernel_module("nbd", "max_part=16");
}

Result<std::optional<ServerProcess>> NbdBackend::serve(const ServedDisk& disk, Record& record,
                                                       int lock) const {
  NbdService service(disk, record, *this, runtime_);
  PLOOPU_TRY(auto server,
             ServerProcess::launch(service, served_descriptors(disk), lock, "ploopu-nbd"));
  record.device = server.started();
  record.queue = tune_queue(record.device);
  return std::optional(std::move(server));
}

std::string NbdBackend::find_device(const Record& record) const {
  const int index = find_index(record.id);
  return index < 0 ? "" : node_of(index);
}

Result<void> NbdBackend::release(const Record& record) const {
  const int index = find_index(record.id);
  if (index < 0) return {};
  PLOOPU_TRY(auto claim, claim_disk(node_of(index)));
  // Somebody else may have disconnected it, and the driver given its number to a third one.
  if (find_index(record.id) != index) return {};
  remove_partitions(claim, node_of(index));
  // The claim is held until the device is disconnected, so that no mount can come between. The
  // driver cleans up when the claim, the last descriptor, is closed behind it.
  PLOOPU_CHECK(NbdNetlink::disconnect(index));
  restore_queue(node_of(index), record.queue);
  claim.reset();
  return forget_partitions(node_of(index));
}

}  // namespace ploopu
