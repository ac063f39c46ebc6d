// SPDX-License-Identifier: GPL-2.0-or-later
// Controls the kernel's nbd driver by its generic netlink family (linux/nbd-netlink.h). The ioctl
// interface isn't used, as it needs a process that stays in the kernel.
// docs/KERNEL.md#index-of-facts has the measured facts on which the choices here rest.
//
//   NbdConnect request{.size = size, .identifier = "ploopu:" + id, .sockets = drivers};
//   PLOOPU_TRY(const int index, NbdNetlink::connect(request));
//   PLOOPU_CHECK(NbdNetlink::disconnect(index));
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"

struct nl_sock;

namespace ploopu {

struct NbdConnect {
  uint64_t size = 0;       // bytes, a multiple of 512
  std::string identifier;  // shown in sysfs as "backend"; reconnect() must present it
  bool is_writable = false;
  // Seconds that a request may take. A request that a worker took with it waits as long: the driver
  // sends it again only then, up to a second late.
  uint64_t timeout = 4;
  std::span<const int> sockets;  // the kernel's ends: connected UNIX stream sockets
};

// All functions wait at most ten seconds for the driver's answer. ErrorKind::missing_kernel_part if
// the driver isn't loaded, ErrorKind::not_permitted without root.
class NbdNetlink {
 public:
  // True if the driver answers now, without loading a module.
  [[nodiscard]] static bool is_available();

  // Connects a free device that the kernel chooses, with blocks of 512 bytes, and returns its
  // number. Requests arrive at the other ends of the sockets before this returns. The driver takes
  // references of its own to the sockets: the caller may close them.
  [[nodiscard]] static Result<int> connect(const NbdConnect& request);

  // Gives the driver new sockets in place of dead ones. The driver takes as many as it has dead
  // ones and drops the rest without an error. Fails if the device has another identifier or none.
  [[nodiscard]] static Result<void> reconnect(int index, const std::string& identifier,
                                              std::span<const int> sockets);

  // Disconnects at once, even while the device is open: first make sure that nobody uses it.
  [[nodiscard]] static Result<void> disconnect(int index);
};

// Listens to the events by which the driver tells that a connection of a device is dead.
class NbdLinkEvents {
 public:
  NbdLinkEvents() = default;  // holds nothing until the result of open() is assigned to it
  // ErrorKind::missing_kernel_part if the driver sends no events.
  [[nodiscard]] static Result<NbdLinkEvents> open();

  // A descriptor for poll(2) that is readable when events have come. Owned by this object.
  [[nodiscard]] int descriptor() const;
  // Returns the numbers of devices with a dead connection since the last call. Doesn't wait.
  [[nodiscard]] std::vector<int> take();

 private:
  struct Deleter {
    void operator()(nl_sock* socket) const;
  };
  std::unique_ptr<nl_sock, Deleter> socket_;
};

}  // namespace ploopu
