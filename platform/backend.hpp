// SPDX-License-Identifier: GPL-2.0-or-later
// One way to make a disk a device of this host. All of them look alike to the rest.
#pragma once

#include <string>

#include "core/image.hpp"
#include "core/result.hpp"
#include "platform/runtime_dir.hpp"
#include "platform/server_process.hpp"

namespace ploopu {

class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  [[nodiscard]] virtual const char* name() const = 0;

  // Whether it can give a plain file instead of a block device.
  [[nodiscard]] virtual bool serves_files() const = 0;

  // Loads what the kernel needs. The error says what is missing, in words that can follow "nbd: ".
  [[nodiscard]] virtual Result<void> prepare(bool as_file) const = 0;

  // Starts a server for the disk and fills in record.device. The device exists as long as the
  // server is kept.
  [[nodiscard]] virtual Result<ServerProcess> serve(const Disk& disk, Record& record) const = 0;

  // The device that sysfs (or the mount table) shows for this attachment now; empty when none.
  [[nodiscard]] virtual std::string find_device(const Record& record) const = 0;

  // Makes the kernel let go of whatever it holds for this attachment, also of what a killed
  // command left half made. `claim` is the caller's claim_disk() of the device, if it has one; it
  // is given up. Without it, whether something uses the device is not asked.
  [[nodiscard]] virtual Result<void> release(const Record& record, UniqueFd claim) const = 0;
};

}  // namespace ploopu
