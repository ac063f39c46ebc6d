// SPDX-License-Identifier: GPL-2.0-or-later
// The attributes of an attachment that don't change while it exists. The record in the runtime
// directory keeps them, and list shows most of them. For a new attribute, add a member to
// AttachmentFacts and a line to visit_identity() or visit_service(): then the record and the JSON
// of list have it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/disk/image_state.hpp"

namespace ploopu {

struct AttachedPartition {
  uint32_t number = 0;
  std::string device;  // "/dev/nbd0p1"; the whole device for number 0
  bool operator==(const AttachedPartition&) const = default;
};

struct AttachmentFacts {
  std::string id;            // 16 hexadecimal digits, random; the name of the record, not in it
  std::string name;          // AttachRequest::name
  std::string image;         // ImageLocation::path; empty when the record can't be read
  std::string newest_delta;  // the top's path, which users may name instead of the image
  ImageState image_state;    // state of its files when they were opened
  std::optional<std::string> ctid;
  std::optional<std::string> snapshot;  // Image::snapshot
  std::string root;                     // --root under which the container was found
  std::string backend;                  // "nbd", "dm", "fuse"
  std::string device;                   // a block device, or a file when is_file
  bool is_file = false;
  bool has_overlay = false;  // the device is writable
  std::string overlay_file;  // keeps the writes after detach; empty if nothing does
  bool is_strict = false;    // AttachRequest::is_strict
  std::vector<AttachedPartition> partitions;
};

enum class FactPresence {
  always,
  since_later,  // records of older versions lack it
  when_set,     // left out while empty; records of older versions lack it
};

// Describes an attribute that only the record has, by its name there.
struct KeptFact {
  const char* in_record;
  FactPresence presence = FactPresence::always;
};

// Describes an attribute that the record has and `list --json` prints, by its names in both.
struct ShownFact {
  const char* in_record;
  const char* in_list;
  FactPresence presence = FactPresence::always;
};

// Calls visit(KeptFact or ShownFact, value) for each attribute that tells which image is attached
// as which device, except the id. `facts` may be const.
template <class Visitor, class Facts>
void visit_identity(Visitor&& visit, Facts& facts) {
  visit(ShownFact{"image", "image"}, facts.image);
  visit(KeptFact{"newest_delta"}, facts.newest_delta);
  visit(KeptFact{"chain"}, facts.image_state);
  visit(ShownFact{"name", "name", FactPresence::when_set}, facts.name);
  visit(ShownFact{"ctid", "ctid", FactPresence::when_set}, facts.ctid);
  visit(ShownFact{"snapshot", "snapshot", FactPresence::when_set}, facts.snapshot);
  visit(KeptFact{"root"}, facts.root);
  visit(ShownFact{"device", "device"}, facts.device);
  visit(ShownFact{"backend", "backend"}, facts.backend);
  visit(KeptFact{"partitions"}, facts.partitions);
}

// Calls visit() likewise for each attribute that tells how the image is served.
template <class Visitor, class Facts>
void visit_service(Visitor&& visit, Facts& facts) {
  visit(KeptFact{"is_file"}, facts.is_file);
  visit(ShownFact{"is_strict", "strict", FactPresence::since_later}, facts.is_strict);
  visit(ShownFact{"has_overlay", "overlay", FactPresence::since_later}, facts.has_overlay);
  visit(ShownFact{"overlay_file", "overlay_file", FactPresence::when_set}, facts.overlay_file);
}

template <class Value>
bool is_left_out(FactPresence presence, const Value& value) {
  return presence == FactPresence::when_set && value == Value();
}

}  // namespace ploopu
