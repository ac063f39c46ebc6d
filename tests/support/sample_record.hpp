// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "platform/serve/record.hpp"
#include "platform/serve/runtime_dir.hpp"

namespace ploopu::testing {

// Returns a record with all fields set, and with bytes that are not UTF-8.
inline Record sample_record() {
  Record record;
  record.id = random_id();
  record.name = "web\xff";
  record.image = "/vz/Größe\xff\n\"/root.hdd";
  record.image_state.files = {{{UINT64_MAX, 42}, "/vz/\xff.hds", 1048576, -5},
                              {{0, 1}, "/vz/b", 0, 7}};
  record.newest_delta = "/vz/b";
  record.ctid = "101";
  record.snapshot = "{1}";
  record.root = "/";
  record.backend = "nbd";
  record.device = "/dev/nbd0";
  record.partitions = {{1, "/dev/nbd0p1"}};
  record.server = {123, 456};
  record.loops = 3;
  record.queue = {{"read_ahead_kb", "128"}};
  record.is_strict = true;
  record.has_overlay = true;
  record.overlay_file = "/scratch/\xfe";
  record.is_users_overlay = true;
  record.scratch = {7, UINT64_MAX};
  record.mounts = {{"/mnt", 77}, {"/mnt/\x80", 0}};
  return record;
}

}  // namespace ploopu::testing
