// SPDX-License-Identifier: GPL-2.0-or-later
// Device-mapper devices, by libdevmapper. All of ours are read-only and are known by their UUID:
// a name can be changed, or given to another device, while we look.
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
  bool has_table = false;  // false, and without a node, if a killed command began to make it
};

// A line of a table, in sectors of 512 bytes.
struct DmLine {
  uint64_t start = 0;
  uint64_t length = 0;
  std::string target;  // "linear", "zero", "error"
  std::string parameters;
};

// "/dev/mapper/NAME".
[[nodiscard]] std::string dm_node(const std::string& name);

// Loads what the kernel needs, if need be. The error says what is missing.
[[nodiscard]] Result<void> require_dm_target(const std::string& target, const std::string& module);

// Whether the kernel has it now.
[[nodiscard]] bool has_dm_target(const std::string& target);

// All devices of this host; empty where the kernel has no device-mapper.
[[nodiscard]] std::vector<DmDevice> list_dm_devices();
[[nodiscard]] std::optional<DmDevice> find_dm_device(const std::string& uuid);

// Empty when the device has no table.
[[nodiscard]] std::vector<DmLine> read_dm_table(const std::string& uuid);

// Makes a read-only device and returns when its node can be opened, with udev or without.
// Nothing is left behind on error.
[[nodiscard]] Result<void> create_dm_device(const std::string& name, const std::string& uuid,
                                            const std::vector<DmLine>& table);

// Removes the device and its node. ErrorKind::busy while anything has it open, mounted, or below
// another device: then it stays as it is.
[[nodiscard]] Result<void> remove_dm_device(const DmDevice& device);

// Takes away a node "/dev/mapper/NAME" whose device is gone: a command that was killed may have
// left it.
void forget_dm_node(const std::string& node);

}  // namespace ploopu
