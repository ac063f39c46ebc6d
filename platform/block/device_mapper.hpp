// SPDX-License-Identifier: GPL-2.0-or-later
// Creates, finds and removes device-mapper devices with libdevmapper. ploopu's devices are
// read-only and are found by their UUID, since a name can be changed, or given to another device,
// at any time.
//
//   PLOOPU_CHECK(require_dm_target("zero", "dm_zero"));
//   PLOOPU_CHECK(create_dm_device("ploopu-101", uuid, {{0, 2048, "zero", ""}}));
//   if (const auto device = find_dm_device(uuid)) PLOOPU_CHECK(remove_dm_device(*device));
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/base/result.hpp"

namespace ploopu {

struct DmDevice {
  std::string name;
  std::string uuid;
  dev_t number = 0;
  bool has_table = false;  // false if a killed command left it unfinished; it has no node then
};

// A line of a table, in sectors of 512 bytes.
struct DmLine {
  uint64_t start = 0;
  uint64_t length = 0;
  std::string target;  // "linear", "zero", "error"
  std::string parameters;
};

// Returns "/dev/mapper/NAME".
[[nodiscard]] std::string dm_node(const std::string& name);

// Loads device-mapper, and `module` if the kernel lacks the target. The error says what is missing:
// ErrorKind::missing_kernel_part.
[[nodiscard]] Result<void> require_dm_target(const std::string& target, const std::string& module);

// True if the kernel has the target now, without loading a module.
[[nodiscard]] bool has_dm_target(const std::string& target);

// All device-mapper devices of this host; empty if the kernel has no device-mapper.
[[nodiscard]] std::vector<DmDevice> list_dm_devices();
[[nodiscard]] std::optional<DmDevice> find_dm_device(const std::string& uuid);

// The table of a device; empty if there is no such device, or it has no table.
[[nodiscard]] std::vector<DmLine> read_dm_table(const std::string& uuid);

// Creates a read-only device and returns when its node can be opened, with udev or without. On
// error nothing is left behind.
[[nodiscard]] Result<void> create_dm_device(const std::string& name, const std::string& uuid,
                                            const std::vector<DmLine>& table);

// Removes the device and its node. Waits two seconds for users that only have a look, such as udev.
// ErrorKind::busy, without a change, while the device is open, mounted, or below another device.
[[nodiscard]] Result<void> remove_dm_device(const DmDevice& device);

// Removes the node "/dev/mapper/NAME" if its device is gone: a command that was killed may have
// left it.
void forget_dm_node(const std::string& node);

}  // namespace ploopu
