// SPDX-License-Identifier: GPL-2.0-or-later
// The input is a Snapshots.xml. Each name goes to the snapshot with its GUID in a sound descriptor.
#include <algorithm>

#include "core/disk/snapshots.hpp"
#include "tests/fuzz/fuzzing.hpp"
#include "tests/support/descriptors.hpp"

namespace ploopu::testing {
namespace {

const DiskDescriptor& sound_descriptor() {
  static const DiskDescriptor descriptor = [] {
    DescriptorText text;
    text.images = image_xml(guid('1'), "root.hds") + image_xml(guid('a'), "root.hds.2") +
                  image_xml(kFixedTop, "root.hds.3");
    text.shots = shot_xml(guid('1'), kNull) + shot_xml(guid('a'), guid('1')) +
                 shot_xml(kFixedTop, guid('a'));
    return *parse_disk_descriptor(text.str(), "fuzz");
  }();
  return descriptor;
}

void try_names(const std::string& text) {
  const auto names = parse_snapshot_names(text, "fuzz");
  if (!names) return;
  for (const SnapshotName& name : *names) {
    require(!name.guid.empty());
    require(std::none_of(name.guid.begin(), name.guid.end(),
                         [](char c) { return c >= 'A' && c <= 'Z'; }));
    // A reader that stops at a NUL would take the text for another one.
    for (const auto* field : {&name.guid, &name.name, &name.date, &name.description}) {
      require(field->find('\0') == std::string::npos);
    }
  }
  const auto snapshots = snapshots_of(sound_descriptor(), kFixedTop, *names);
  require(snapshots.size() == 3);
  for (const Snapshot& snapshot : snapshots) {
    require(snapshot.name.guid.empty() || snapshot.name.guid == snapshot.guid);
  }
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  try_names(text_of(data, size));
  return 0;
}
