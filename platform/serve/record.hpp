// SPDX-License-Identifier: GPL-2.0-or-later
// The note of an attachment, and its form as JSON. The record says what ploopu meant to do; the
// kernel is asked each time whether it is so.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/attach/attachment_facts.hpp"
#include "core/files/file_system.hpp"
#include "platform/block/ploopu_mounts.hpp"
#include "platform/os/process.hpp"
#include "platform/os/queue_settings.hpp"

namespace ploopu {

// The device is empty until it is known.
struct Record : AttachmentFacts {
  FileIdentity scratch;           // file of the overlay
  bool is_users_overlay = false;  // the user writes to it; false for one that replays a journal
  // The first of `servers`; pid 0 when there is none.
  ProcessIdentity server;
  std::vector<ProcessIdentity> servers;  // as they noted themselves last
  QueueSettings queue;  // settings from before the attachment: nbd and loop devices outlive it
  size_t loops = 0;     // dm: loop devices that the disk is made of
  std::vector<NotedMount> mounts;
  // False for a record that can't be read back (damaged, or of a newer ploopu): it has only its id.
  bool is_readable = true;

  // True for a record that was written before its device was made, and not again since.
  [[nodiscard]] bool is_unfinished() const { return is_readable && device.empty(); }
};

// A record as it is stored.
[[nodiscard]] std::string record_text(const Record& record);

// Reads a record back, without the id. Never fails: see Record::is_readable.
[[nodiscard]] Record parse_record(const std::string& text);

}  // namespace ploopu
