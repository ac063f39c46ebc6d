// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's nbd driver, driven through its generic netlink family (linux/nbd-netlink.h) alone:
// the ioctl interface would need a process that stays in the kernel. Facts that are behind the
// choices here were measured (docs/KERNEL.md#index-of-facts).
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
  std::string identifier;  // shows in sysfs as "backend"; later changes must present it
  bool is_writable = false;
  // Seconds that a request may take. A request that a worker took with it waits as long: the driver
  // sends it again only then, up to a second late.
  uint64_t timeout = 4;
  std::span<const int> sockets;  // the kernel's ends: connected UNIX stream sockets
};

class NbdNetlink {
 public:
  // Whether this kernel has the family now.
  [[nodiscard]] static bool is_available();

  // Connects a free device that the kernel chooses, with 512-byte blocks, and returns
  // its number. Requests come to the other ends of the sockets before this returns.
  [[nodiscard]] static Result<int> connect(const NbdConnect& request);

  // Gives the driver new sockets for those that died. It takes what it needs of them and drops the
  // rest without a word. Fails when the device carries another identifier or none.
  [[nodiscard]] static Result<void> reconnect(int index, const std::string& identifier,
                                              std::span<const int> sockets);

  // Disconnects at once, even while the device is open: see that it is not.
  [[nodiscard]] static Result<void> disconnect(int index);
};

// What the driver tells everybody who listens: that a connection of a device is dead.
class NbdLinkEvents {
 public:
  NbdLinkEvents() = default;  // to be assigned to
  [[nodiscard]] static Result<NbdLinkEvents> open();

  // Can be read when there is news.
  [[nodiscard]] int descriptor() const;
  // Numbers of devices. Doesn't wait.
  [[nodiscard]] std::vector<int> take();

 private:
  struct Deleter {
    void operator()(nl_sock* socket) const;
  };
  std::unique_ptr<nl_sock, Deleter> socket_;
};

}  // namespace ploopu
