// SPDX-License-Identifier: GPL-2.0-or-later
// The input is the features of a format extension with a correct MD5, and the bitmaps after it. The
// first byte selects the size of the disk.
#include "core/format/format_extension.hpp"
#include "tests/fuzz/fuzzing.hpp"
#include "tests/support/extension_builder.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

void try_features(uint8_t size, const Bytes& features) {
  PloopSpec spec = {.cluster_sectors = 2, .disk_sectors = uint64_t{size} * 509, .in_use = kV21};
  spec.bat.resize(8);
  spec.extension_sector = 2;
  auto file = ploop_file(spec);
  file->write(1024, extension_cluster({features}, 1024));
  if (features.size() > 1000) file->write(2048, Bytes(features.begin() + 1000, features.end()));
  const Delta delta = open_ploop(file);
  const auto extension = ExtensionReader().read(delta);
  const bool is_sound = extension.state == ExtensionState::valid;
  require(is_sound == extension.reason.empty());
  require(is_sound || extension.state == ExtensionState::corrupt ||
          extension.state == ExtensionState::unknown);
  for (const auto& bitmap : extension.bitmaps) {
    require(bitmap.size == delta.disk_size() && bitmap.granularity >= kSectorSize);
    require(!bitmap.dirty_bytes || *bitmap.dirty_bytes <= bitmap.size);
  }
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ploopu::testing::Input input(data, size);
  const uint8_t disk_size = input.byte();
  ploopu::testing::try_features(disk_size, input.bytes());
  return 0;
}
