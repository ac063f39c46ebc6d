// SPDX-License-Identifier: GPL-2.0-or-later
// A back end makes a disk a device of this host. All back ends look alike to the rest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/image.hpp"
#include "core/overlay/served_disk.hpp"
#include "core/volume/partitions.hpp"
#include "platform/block/block_device.hpp"
#include "platform/block/block_snapshot.hpp"
#include "platform/os/process.hpp"
#include "platform/serve/runtime_dir.hpp"
#include "platform/serve/server_process.hpp"

namespace ploopu {

class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  [[nodiscard]] virtual const char* name() const = 0;

  // Loads what the kernel needs. The error says what is missing, in words that can follow "nbd: ".
  [[nodiscard]] virtual Result<void> prepare(bool as_file) const = 0;

  // Makes the device of the disk, which is writable if that is, and fills in record.device, for a
  // request that fits (core/attach/backend_rules). The kernel is not asked to find the partitions
  // of an excessive layout. With a server, the device exists as long as that is kept; `lock` is
  // RuntimeDir::lock(), under which the server undoes its work if the command dies. Without one, it
  // exists until release().
  [[nodiscard]] virtual Result<std::optional<ServerProcess>> serve(const ServedDisk& disk,
                                                                   const DiskLayout& layout,
                                                                   Record& record,
                                                                   int lock) const = 0;

  // Has the device of `record`, which exists, served by a process of this program instead of those
  // that serve it, or did. `disk` is the same as before. Who uses the device waits meanwhile.
  [[nodiscard]] virtual Result<ServerProcess> take_over(const ServedDisk& /*disk*/,
                                                        const Record& record, int /*lock*/) const {
    return fail(ErrorKind::refused, "{}: {} can't change its server: detach and attach it again",
                record.device, name());
  }

  // Returns when every partition of `layout` has a node that can be opened. Some may be there
  // already. `notes` says which can have none, and why.
  [[nodiscard]] virtual Result<std::vector<AttachedPartition>> provide_partitions(
      const Record& record, const DiskLayout& layout, std::vector<std::string>& notes) const {
    return provide_partition_nodes(record.device, layout, notes);
  }

  // The file below the device, which others may use as well; empty when there is none.
  [[nodiscard]] virtual std::string backing_file(const Record& record) const = 0;

  // The device that sysfs (or the mount table) shows for this attachment in `now`; empty when none.
  [[nodiscard]] virtual std::string find_device(const Record& record,
                                                const BlockSnapshot& now) const = 0;

  // Whether somebody answers reads of the device, which is there. `has_server`: one of its servers
  // is alive.
  [[nodiscard]] virtual bool is_served(const Record& /*record*/, bool has_server) const {
    return has_server;
  }

  // Fails all I/O on the device from now on, whoever uses it, so that nothing waits for a server
  // any more.
  [[nodiscard]] virtual Result<void> cut_off(const Record& record) const {
    return fail(ErrorKind::usage, "{}: {} has no --force: end what uses it, then detach it",
                record.device, name());
  }

  // Makes the kernel let go of whatever it holds for this attachment, also of what a killed
  // command left half made. ErrorKind::busy, and nothing is done, while something uses the device.
  [[nodiscard]] virtual Result<void> release(const Record& record) const = 0;
};

}  // namespace ploopu
