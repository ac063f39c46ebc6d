// SPDX-License-Identifier: GPL-2.0-or-later
// The interface of a back end, which makes a disk a device of this host:
//
//   const auto backend = host_backend("nbd").make(runtime);
//   PLOOPU_CHECK(backend->prepare(false));
//   PLOOPU_TRY(auto server, backend->serve(disk, layout, record, lock));
//   PLOOPU_TRY(record.partitions, backend->provide_partitions(record, layout, notes));
//   ...
//   PLOOPU_CHECK(backend->release(record));
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

  // Loads the modules that the back end needs, for a file or for a block device. The error says
  // what is missing, in words that can follow "nbd: ". ErrorKind::missing_kernel_part if the kernel
  // lacks something.
  [[nodiscard]] virtual Result<void> prepare(bool as_file) const = 0;

  // Creates the device of the disk and fills in record.device. The device is writable if the disk
  // is. The request must fit the back end (core/attach/backend_rules). If the layout is excessive,
  // the kernel isn't asked to look for partitions.
  // Returns the server, if the back end has one. The device exists until the returned ServerProcess
  // is destroyed; after ServerProcess::keep(), until release(). If the command dies, the server
  // undoes its work while it holds `lock`, the descriptor of RuntimeDir::lock(). A device without a
  // server exists until release().
  [[nodiscard]] virtual Result<std::optional<ServerProcess>> serve(const ServedDisk& disk,
                                                                   const DiskLayout& layout,
                                                                   Record& record,
                                                                   int lock) const = 0;

  // Gives the existing device of `record` a server of this program, in place of its servers, which
  // may be dead. `disk` must be equal to the disk that was attached. Users of the device wait
  // meanwhile. ErrorKind::refused if the back end can't change its server.
  [[nodiscard]] virtual Result<ServerProcess> take_over(const ServedDisk& /*disk*/,
                                                        const Record& record, int /*lock*/) const {
    return fail(ErrorKind::refused,
                "{}: {} can't replace its server; detach it and attach it again", record.device,
                name());
  }

  // Returns when every partition of `layout` has a node that can be opened, and returns the nodes.
  // Partitions that have a node already keep it. A partition that can have no node gets a note.
  [[nodiscard]] virtual Result<std::vector<AttachedPartition>> provide_partitions(
      const Record& record, const DiskLayout& layout, std::vector<std::string>& notes) const {
    return provide_partition_nodes(record.device, layout, notes);
  }

  // The path of the file below the device, which other processes may use as well; empty if the
  // device has no such file.
  [[nodiscard]] virtual std::string backing_file(const Record& record) const = 0;

  // The device that sysfs or the mount table shows for this attachment in `now`; empty if there is
  // none.
  [[nodiscard]] virtual std::string find_device(const Record& record,
                                                const BlockSnapshot& now) const = 0;

  // True if reads of the device, which exists, are answered. `has_server` says whether one of its
  // servers is alive.
  [[nodiscard]] virtual bool is_served(const Record& /*record*/, bool has_server) const {
    return has_server;
  }

  // Makes all I/O on the device fail from now on, so that no user waits for a server any more.
  // ErrorKind::usage if the back end has no such way.
  [[nodiscard]] virtual Result<void> cut_off(const Record& record) const {
    return fail(ErrorKind::usage, "{}: {} has no --force: end its users, then detach it",
                record.device, name());
  }
  // True if the kernel frees a device that was cut off when its last user closes it; false if
  // release() has to do that.
  [[nodiscard]] virtual bool frees_cut_off() const { return false; }

  // Frees everything in the kernel that belongs to this attachment, including what a killed command
  // left unfinished. While something uses the device, fails with ErrorKind::busy and changes
  // nothing.
  [[nodiscard]] virtual Result<void> release(const Record& record) const = 0;
};

}  // namespace ploopu
