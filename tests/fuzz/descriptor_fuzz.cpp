// SPDX-License-Identifier: GPL-2.0-or-later
// The input is a DiskDescriptor.xml. Its chains and its tree of snapshots must be sound.
#include <algorithm>
#include <set>

#include "core/disk/snapshots.hpp"
#include "core/format/disk_descriptor.hpp"
#include "tests/fuzz/fuzzing.hpp"

namespace ploopu::testing {
namespace {

constexpr size_t kMaxShots = 8;  // each is looked at on its own

void try_chain(const DiskDescriptor& descriptor, const std::string& guid) {
  const auto chain = chain_to(descriptor, guid, "fuzz");
  if (!chain) return;
  require(!chain->empty() && chain->size() <= kMaxChainLength);
  std::set<std::string> seen;
  for (const auto& image : *chain) require(seen.insert(image.guid).second && !image.file.empty());
  if (descriptor.shots.empty()) return;  // then there is one image, whatever is asked for
  require(chain->back().guid == guid);
}

void try_which(const DiskDescriptor& descriptor, const std::string& which) {
  const auto shot = find_shot(descriptor, which, "fuzz");
  if (shot) try_chain(descriptor, *shot);
}

void try_tree(const DiskDescriptor& descriptor) {
  const auto snapshots = snapshots_of(descriptor, "", {});
  std::set<std::string> seen;
  for (const Snapshot& snapshot : snapshots) require(seen.insert(snapshot.guid).second);
  for (const auto& shot : descriptor.shots) require(seen.contains(shot.guid));
}

void try_descriptor(const std::string& text) {
  const auto descriptor = parse_disk_descriptor(text, "fuzz");
  if (!descriptor) return;
  require(descriptor->cluster_sectors > 0);
  try_which(*descriptor, "");
  try_which(*descriptor, "base");
  try_which(*descriptor, "{5");
  const auto& shots = descriptor->shots;
  for (size_t i = 0; i < std::min(shots.size(), kMaxShots); ++i) {
    const auto found = find_shot(*descriptor, shots[i].guid, "fuzz");
    require(found && *found == shots[i].guid);
    try_chain(*descriptor, shots[i].guid);
  }
  try_tree(*descriptor);
  // As a clone of itself it has nothing more.
  DiskDescriptor clone = *descriptor;
  append_parent(clone, *descriptor);
  require(clone.images == descriptor->images && clone.shots == descriptor->shots);
  static_cast<void>(repeated_guids(*descriptor));
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  try_descriptor(text_of(data, size));
  return 0;
}
