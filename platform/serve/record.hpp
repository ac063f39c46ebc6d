// SPDX-License-Identifier: GPL-2.0-or-later
// What is written down about one attachment, and its form as JSON. The record says what ploopu
// meant to do; whether it is so is asked of the kernel each time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/attach/attachment_facts.hpp"
#include "core/files/file_system.hpp"
#include "platform/os/process.hpp"
#include "platform/os/queue_settings.hpp"

namespace ploopu {

// The device is empty until it is known.
struct Record : AttachmentFacts {
  FileIdentity scratch;           // of the overlay
  bool is_users_overlay = false;  // not just for a journal: what is written there is somebody's
  // pid 0 when there is none, or the first of those below.
  ProcessIdentity server;
  std::vector<ProcessIdentity> servers;  // all that serve it, as they noted themselves last
  QueueSettings queue;  // of the device before it was ours: nbd and loop devices outlive us
  size_t loops = 0;     // dm: loop devices that the disk is made of
  std::vector<std::string> mountpoints;
  // False for one that can't be read back (damaged, or of a newer ploopu): then it has only its id.
  bool is_readable = true;

  // Written down before its device was made, and not again since.
  [[nodiscard]] bool is_unfinished() const { return is_readable && device.empty(); }
};

// A record as it is stored.
[[nodiscard]] std::string record_text(const Record& record);

// Never fails: see Record::is_readable. The text doesn't have the id.
[[nodiscard]] Record parse_record(const std::string& text);

}  // namespace ploopu
